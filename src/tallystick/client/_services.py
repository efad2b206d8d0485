"""Services: what each operation sends, and how its answer is read.  No I/O."""

from tallystick.client import models
from tallystick.client._flow import Flow
from tallystick.client._given import checked_id
from tallystick.client._line import Line, form
from tallystick.client._pages import Page, first_page, numbered, whole
from tallystick.client.models import Service


def create_service(line: Line, *, name: str) -> Flow[Service]:
    answer = yield from line.ask("POST", "/service", form([("name", name)]))
    return models.read_service(answer.body)


def delete_service(line: Line, service_id: str) -> Flow[None]:
    yield from line.ask("DELETE", _path(service_id), gone=frozenset({404}))


def get_service(line: Line, service_id: str) -> Flow[Service]:
    answer = yield from line.ask("GET", _path(service_id))
    return models.read_service(answer.body)


def list_services(line: Line) -> Flow[list[Service]]:
    return whole(first_page(line, "/service", models.read_page_of_services, numbered()))


def page_services(line: Line, *, per_page: int) -> Flow[Page[Service]]:
    return first_page(line, "/service", models.read_page_of_services, numbered(per_page))


def update_service(line: Line, service_id: str, *, name: str) -> Flow[Service]:
    answer = yield from line.ask("PUT", _path(service_id), form([("name", name)]))
    return models.read_service(answer.body)


def _path(service_id: str) -> str:
    return f"/service/{checked_id(service_id, 'service id')}"
