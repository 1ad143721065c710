"""Signatures follow Standard Webhooks."""

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from callboard.actors.webhooks.signing import signed
from callboard.jobs.callbacks.secrets import derive

pytestmark = pytest.mark.check

# Published with https://github.com/standard-webhooks/standard-webhooks, in its tests.
SECRET = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SENT_AT = datetime.fromtimestamp(1_614_265_330, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

KEY = SecretStr("a key of the tests, long enough to be one")


def test_the_specifications_example_is_signed_as_published() -> None:
    assert signed(ID, SENT_AT, BODY, [SECRET]) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_each_secret_signs() -> None:
    headers = signed(ID, SENT_AT, BODY, [derive(KEY, "lab", 2), SECRET])

    first, second = headers["webhook-signature"].split(" ")
    assert second == SIGNATURE
    assert first.startswith("v1,")
    assert first != second


def test_a_secret_is_the_same_in_every_process_and_at_any_time() -> None:
    derived = derive(KEY, "lab", 1)

    # A fixed value: its owner must be able to verify after any update of this server.
    assert derived.get_secret_value() == "whsec_EXtkJeqp1b1mHkJopxlczeM6nE7wxtBVAWgeDanxAi8="


def test_each_tenant_generation_and_key_has_its_own_secret() -> None:
    other = SecretStr("another key of the tests, long enough")
    secrets = {
        derive(key, tenant, generation).get_secret_value()
        for key in (KEY, other)
        for tenant in ("lab", "lab1", "1")
        for generation in (1, 2, 11)
    }

    assert len(secrets) == 18


def test_a_secret_is_not_shown() -> None:
    assert derive(KEY, "lab", 1).get_secret_value() not in repr(derive(KEY, "lab", 1))
