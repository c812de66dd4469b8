"""The policy of a form: who signed it, until when it holds, and what the form's fields may say.

Read and applied as MinIO does. Source: "Creating a POST policy" of the S3 API reference.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.s3 import signatures_v2
from oscarcli.local.objects.s3.authorization import Authorization, parse_credential
from oscarcli.local.objects.s3.signatures import UNSIGNED_PAYLOAD, Accounts, same

_TIME = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
# No policy needs to speak of these.
_EXEMPT = frozenset(("policy", "x-amz-signature", "signature", "awsaccesskeyid", "file"))
_EXEMPT_PREFIX = "x-ignore-"
# A beginning is not enough for these: the whole value must be given.
_WHOLE = frozenset(("bucket", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "tagging"))
# Any other condition needs a field of that name, whose value is not looked at.
_COMPARED = _WHOLE | frozenset(
    (
        "acl",
        "cache-control",
        "content-type",
        "content-disposition",
        "content-encoding",
        "expires",
        "key",
        "success_action_redirect",
        "redirect",
        "success_action_status",
    )
)
_LENGTH = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True)
class _Condition:
    """`value` is what the field `name` is, or with `is_prefix` how it begins."""

    name: str
    value: str
    is_prefix: bool


@dataclass(frozen=True)
class Policy:
    """What a form may say. `lengths` are the least and most bytes of its file."""

    expiration: datetime
    conditions: tuple[_Condition, ...]
    lengths: tuple[int, int] | None

    def check(self, fields: Mapping[str, str], repeated: Collection[str], now: datetime) -> None:
        """Check the fields of a form.

        Args:
            fields: by lower-case name, among them the bucket.
            repeated: names of fields that were sent more than once.
            now: current time, UTC.

        Raises:
            S3Error: AccessDenied.
        """
        if self.expiration <= now:
            raise _denied("Invalid according to Policy: Policy expired")
        for condition in self.conditions:
            if condition.name in repeated or not _holds(condition, fields):
                operator = "starts-with" if condition.is_prefix else "eq"
                words = f"[{operator}, ${condition.name}, {condition.value}]"
                raise _denied(f"Invalid according to Policy: Policy Condition failed: {words}")
        named = {condition.name for condition in self.conditions} | _EXEMPT
        loose = [name for name in fields if name not in named and not name.startswith(_EXEMPT_PREFIX)]
        if loose:
            raise _denied(
                "Each form field that you specify in a form must appear in the list of policy conditions. "
                f"{', '.join(loose)} not specified in the policy."
            )


def authorize_form(fields: Mapping[str, str], accounts: Accounts) -> Authorization:
    """Check who signed the policy of a form, by Version 4 or Version 2.

    Args:
        fields: by lower-case name.
        accounts: those accepted.

    Raises:
        S3Error: AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch, InvalidTokenId or a code that says
            what is malformed.
    """
    policy = fields.get("policy", "")
    if not policy:
        raise S3Error("AccessDenied")
    if "x-amz-security-token" in fields:
        raise S3Error("InvalidTokenId")
    if "signature" in fields:
        scope, access_key, claimed = None, fields.get("awsaccesskeyid", ""), fields["signature"]
    else:
        credential = fields.get("x-amz-credential", "")
        access_key, scope = parse_credential(credential, "AuthorizationQueryParametersError")
        claimed = fields.get("x-amz-signature", "")
    credentials = accounts.find(access_key)
    if credentials is None:
        raise S3Error("InvalidAccessKeyId")
    if scope is None:
        expected = signatures_v2.sign_v2(credentials.secret_key, policy)
    else:
        expected = hmac.digest(scope.key(credentials.secret_key), policy.encode(), "sha256").hex()
    if not same(expected, claimed):
        raise S3Error("SignatureDoesNotMatch")
    return Authorization(access_key, UNSIGNED_PAYLOAD)


def parse_policy(encoded: str) -> Policy:
    """Return the policy of a form from its base64. Raises S3Error("PostPolicyInvalidKeyName")."""
    try:
        document = json.loads(base64.b64decode(encoded, validate=True), object_pairs_hook=_unique)
        return _policy(document)
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError) as error:
        message = f"Invalid according to Policy: Policy Condition failed '({error})'"
        raise S3Error("PostPolicyInvalidKeyName", message) from error


def _policy(document: Any) -> Policy:
    if not isinstance(document, dict) or document.keys() - {"expiration", "conditions"}:
        raise ValueError("a policy has an expiration and conditions")
    conditions: list[_Condition] = []
    lengths = None
    for item in document.get("conditions", []):
        if isinstance(item, dict):
            # `{"acl": "private"}` is short for `["eq", "$acl", "private"]`.
            conditions += [_condition("eq", f"${name}", value) for name, value in item.items()]
            continue
        operator, first, second = item
        if str(operator).lower() == "content-length-range":
            lengths = _length(first), _length(second)
        else:
            conditions.append(_condition(str(operator).lower(), first, second))
    return Policy(_time(document["expiration"]), tuple(conditions), lengths)


def _condition(operator: str, name: Any, value: Any) -> _Condition:
    if operator not in ("eq", "starts-with") or not isinstance(name, str) or not isinstance(value, str):
        raise ValueError(f"[{operator}, {name}, {value}] is no condition")
    if not name.startswith("$"):
        raise ValueError(f"{name} does not begin with $")
    return _Condition(name[1:].lower(), value, operator == "starts-with")


def _holds(condition: _Condition, fields: Mapping[str, str]) -> bool:
    if condition.name not in _COMPARED and not condition.name.startswith("x-amz-"):
        return True
    value = fields.get(condition.name, "")
    if condition.is_prefix:
        return condition.name not in _WHOLE and value.startswith(condition.value)
    return value == condition.value


def _length(value: Any) -> int:
    """Return a number of bytes, which may be written as text, and as MinIO has it below zero."""
    text = str(value)
    if isinstance(value, bool) or not _LENGTH.fullmatch(text):
        raise ValueError(f"{text[:40]} is no length")
    return int(text)


def _time(text: Any) -> datetime:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is no time")
    zone = "+00:00" if found[2] in "Zz" else found[2]
    return datetime.fromisoformat(f"{found[1].upper()}{zone}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _denied(reason: str) -> S3Error:
    return S3Error("AccessDenied", f"Access Denied. ({reason})")
