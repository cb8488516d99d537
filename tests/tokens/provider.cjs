// A real OpenID Connect provider over https, told by a JSON document on its standard input:
// port, cert, key (files), jwks (private keys), audience, claims (what its tokens say besides).
// It gives JWT access tokens to a client by its own credentials, and says `ready` when it listens.
const { readFileSync } = require('node:fs');
const { createServer } = require('node:https');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

async function main() {
  const told = JSON.parse(readFileSync(0, 'utf8'));
  const module = join(process.env.NODE_PATH, 'oidc-provider', 'lib', 'index.js');
  const { default: Provider } = await import(pathToFileURL(module).href);
  const provider = new Provider(told.issuer, {
    clients: [{
      client_id: 'client',
      client_secret: 'secret',
      id_token_signed_response_alg: told.alg,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    }],
    jwks: told.jwks,
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => told.audience,
        getResourceServerInfo: () => ({
          scope: '',
          audience: told.audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: told.alg } },
        }),
      },
    },
    extraTokenClaims: () => told.claims,
  });
  const tls = { cert: readFileSync(told.cert), key: readFileSync(told.key) };
  createServer(tls, provider.callback()).listen(told.port, '127.0.0.1', () => console.log('ready'));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
