"""Places an order with the generated client, and the same order again."""

import sys
import uuid

from orders_client import AuthenticatedClient
from orders_client.api.orders import find_order, place_order
from orders_client.models import Error, NewOrder, Order


def main(url: str) -> None:
    # A server without --auth takes no notice of the token.
    client = AuthenticatedClient(base_url=url, token="none")
    key = f"python-{uuid.uuid4()}"
    body = NewOrder(item="espresso beans", quantity=2)

    placed = place_order.sync_detailed(client=client, body=body, idempotency_key=key)
    assert placed.status_code == 201, placed
    assert isinstance(placed.parsed, Order)
    again = place_order.sync_detailed(client=client, body=body, idempotency_key=key)
    assert again.status_code == 200 and again.content == placed.content, again
    found = find_order.sync(placed.parsed.id, client=client)
    assert found == placed.parsed and found.item == body.item, found

    body = NewOrder(item="espresso beans", quantity=3)
    reused = place_order.sync(client=client, body=body, idempotency_key=key)
    assert isinstance(reused, Error) and reused.code == "IDEMPOTENCY_KEY_REUSED", reused


main(sys.argv[1])
