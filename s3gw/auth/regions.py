"""Checks of the credential scope: its day and its region.

The day must be that of the signature; any region is valid unless the options name some.
"""

from __future__ import annotations

from s3gw.auth.refusals import header_malformed, refusal
from s3gw.sigv4.scope import Credential, Timestamp
from s3gw.wire.errors import Code


class Regions:
    def __init__(self, names: tuple[str, ...]) -> None:
        self._ours = names[0] if names else ""
        # s3cmd signs its first call with the region `US` for us-east-1.
        self._names = frozenset(names + (("US",) if "us-east-1" in names else ()))

    def check_header(self, credential: Credential, timestamp: Timestamp) -> None:
        """Check a credential in the header. Raises `AuthorizationHeaderMalformed`."""
        if problem := self._problem(credential, timestamp):
            raise header_malformed(problem, self._detail(credential))

    def check_parameter(self, credential: Credential, timestamp: Timestamp) -> None:
        """Check a credential in a query or in a form. Raises
        `AuthorizationQueryParametersError`."""
        if problem := self._problem(credential, timestamp):
            message = f"Error parsing the X-Amz-Credential parameter; {problem}"
            details = self._detail(credential)
            raise refusal(Code.AuthorizationQueryParametersError, message, details)

    def _problem(self, credential: Credential, timestamp: Timestamp) -> str | None:
        if not timestamp.text.startswith(credential.date):
            return (
                f'Invalid credential date "{credential.date}". This date is not the same as '
                f'X-Amz-Date: "{timestamp.text[:8]}".'
            )
        if self._is_foreign(credential.region):
            return f"the region '{credential.region}' is wrong; expecting '{self._ours}'"
        return None

    def _detail(self, credential: Credential) -> dict[str, str]:
        """Return the detail that makes SDKs try again with another region."""
        return {"Region": self._ours} if self._is_foreign(credential.region) else {}

    def _is_foreign(self, region: str) -> bool:
        return bool(self._names) and region not in self._names
