"""The APIs for programs that run in an asyncio loop."""

from tallystick.client.aio.tokens import AsyncTokensApi

__all__ = ["AsyncTokensApi"]
