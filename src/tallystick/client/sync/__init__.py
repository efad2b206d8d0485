"""The APIs for programs that wait for their answers."""

from tallystick.client.sync.tokens import TokensApi

__all__ = ["TokensApi"]
