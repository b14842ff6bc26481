// An OpenID provider for the tests: oidc-provider with the pages that it has for
// development, which take anybody with any password.
//
//   ISSUER         where the world sees it
//   PORT           where it listens, on the loopback interface
//   KEYS           the file that it writes the private key of the client into
//   CLIENT_ID, CLIENT_SECRET, CALLBACK, FAREWELL
//   PAGE           the callback of a page that is a client without a secret
//   AUTH0_ROUTES   the paths that Auth0's SDK for pages asks for
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { Provider } from 'oidc-provider'

const { ISSUER, PORT, KEYS, CLIENT_ID, CLIENT_SECRET, CALLBACK, FAREWELL, PAGE, AUTH0_ROUTES } = process.env

// The key that the client signs request objects with.
const client = generateKeyPairSync('ec', { namedCurve: 'P-256' })
writeFileSync(KEYS, JSON.stringify({ ...client.privateKey.export({ format: 'jwk' }), kid: 'client' }))
const provider = generateKeyPairSync('rsa', { modulusLength: 2048 })

const clients = [{
  client_id: CLIENT_ID,
  client_secret: CLIENT_SECRET,
  redirect_uris: [CALLBACK],
  post_logout_redirect_uris: [FAREWELL],
  jwks: { keys: [{ ...client.publicKey.export({ format: 'jwk' }), kid: 'client', use: 'sig', alg: 'ES256' }] },
}]
if (PAGE) {
  clients.push({ client_id: 'page', token_endpoint_auth_method: 'none', redirect_uris: [PAGE] })
}

const op = new Provider(ISSUER, {
  clients,
  jwks: { keys: [{ ...provider.privateKey.export({ format: 'jwk' }), kid: 'provider', use: 'sig', alg: 'RS256' }] },
  // A form that another site posts has to bring the session along.
  enableHttpPostMethods: true,
  cookies: { keys: ['a-key-of-the-tests'], long: { signed: true, sameSite: 'none' }, short: { signed: true } },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: id, email_verified: true, name: 'A Person' }) }),
  features: { requestObjects: { enabled: true }, webMessageResponseMode: { enabled: true, ack: 'individual-draft-01' } },
  clientBasedCORS: () => true,
  pkce: { required: () => true },
  ttl: { Session: 3600, Interaction: 600, Grant: 3600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
  ...(AUTH0_ROUTES && { routes: { authorization: '/authorize', token: '/oauth/token' } }),
})
op.proxy = true // it is behind the edge
op.on('server_error', (_, error) => console.error(error))
op.listen(Number(PORT), '127.0.0.1', () => console.log(`${ISSUER} is at port ${PORT}`))
