"""`/v1/tokens`: revoking a token."""

from __future__ import annotations

from s3gw.http.reply import Reply
from s3gw.identity.errors import Refused
from s3gw.identity.tokens.protocol import TokenError
from s3gw.native.authn.directory import directory_of, told
from s3gw.native.authn.revoking import revoke_token
from s3gw.native.authn.users import TokenMessage
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.native.operation import NO_RIGHT, document, operation


@operation("DELETE", "tokens", access=NO_RIGHT, is_audited=True)
class RevokeToken:
    """Revoke a token; having it is enough to do so. An invalid one needs no revoking."""

    message: TokenMessage = document()

    async def run(self, call: NativeCall) -> Reply:
        try:
            await call.native.authn.tokens.verify(self.message.token)
        except TokenError as error:
            if error.expired:
                return Reply()
            raise NativeError(400, f"invalid token: {error}") from None
        with told():
            try:
                await revoke_token(directory_of(call), self.message.token)
            except TokenError as error:
                raise Refused(str(error)) from None
        return Reply()
