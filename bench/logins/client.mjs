// An application that people log in to, made of openid-client. It reads the name
// of a flow from each line of its input, goes through it with a new browser, and
// answers with a line of JSON: what became of it. Before that it says ready.
//
//   ISSUER, CLIENT_ID, CLIENT_SECRET, CALLBACK, FAREWELL
//   KEYS           the file with the private key of the client
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { importJWK } from 'jose'
import * as openid from 'openid-client'
import { Browser } from './browser.mjs'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, CALLBACK, FAREWELL, KEYS } = process.env
const insecure = { execute: [openid.allowInsecureRequests] }
const config = await openid.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, insecure)

// login goes through a login with a browser. change may change the URL of the
// authorization request, or give another one.
async function login(browser, { method = 'GET', extra = {}, change = (url) => url } = {}) {
  const verifier = openid.randomPKCECodeVerifier()
  const checks = { pkceCodeVerifier: verifier, expectedState: openid.randomState(), expectedNonce: openid.randomNonce() }
  const parameters = {
    redirect_uri: CALLBACK,
    scope: 'openid email',
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...extra,
  }
  const url = await change(openid.buildAuthorizationUrl(config, parameters), parameters)
  const form = method === 'POST' ? new URLSearchParams(url.search) : undefined
  if (form) url.search = ''
  const end = await browser.travel(url.href, form)
  if (!end.url) return { page: end.status, error: /invalid_\w+/.exec(end.body)?.[0] }
  if (end.url.searchParams.has('error')) return { error: end.url.searchParams.get('error') }
  const tokens = await openid.authorizationCodeGrant(config, end.url, checks) // verifies state, nonce and ID token
  const user = await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  return { email: user.email, claims: Object.keys(tokens.claims()).sort(), idToken: tokens.id_token }
}

const silently = { extra: { prompt: 'none' } }
const adding = (name, ...values) => (url) => {
  for (const value of values) url.searchParams.append(name, value)
  return url
}

const flows = {
  'GET': (browser) => login(browser),
  'POST': (browser) => login(browser, { method: 'POST' }),
  'PAR': (browser) => login(browser, { change: pushed }),
  'PAR and POST': (browser) => login(browser, { method: 'POST', change: pushed }),
  'JAR': (browser) => login(browser, { change: signed }),
  'JAR and POST': (browser) => login(browser, { method: 'POST', change: signed }),
  'prompt=none cold': (browser) => login(browser, silently),
  'prompt=none by POST cold': (browser) => login(browser, { ...silently, method: 'POST' }),
  'prompt=none in PAR cold': (browser) => login(browser, { ...silently, change: pushed }),
  'prompt=none in JAR cold': (browser) => login(browser, { ...silently, change: signed }),
  'prompt=none warm': async (browser) => [await login(browser), await login(browser, silently)],
  'prompt=none by POST warm': async (browser) => [await login(browser), await login(browser, { ...silently, method: 'POST' })],
  'duplicate unknown parameter': (browser) => login(browser, { change: adding('unknown', 'one', 'two') }),
  'duplicate unknown parameter by POST': (browser) => login(browser, { method: 'POST', change: adding('unknown', 'one', 'two') }),
  'duplicate state': (browser) => login(browser, { change: adding('state', 'another') }),
  '9 KB': (browser) => login(browser, { change: adding('long', 'a'.repeat(9000)) }),
  '9 KB by POST': (browser) => login(browser, { method: 'POST', change: adding('long', 'a'.repeat(9000)) }),
  'address of 15.8 KB': (browser) => login(browser, { change: (url) => adding('long', 'a'.repeat(15800 - url.href.length - '&long='.length))(url) }),
  '15.8 KB by POST': (browser) => login(browser, { method: 'POST', change: adding('long', 'a'.repeat(15800)) }),
  'override': (browser) => login(browser, { change: forced }),
  'override by POST': (browser) => login(browser, { method: 'POST', change: forced }),
  'override beside PAR': (browser) => login(browser, { change: async (...given) => forced(await pushed(...given)) }),
  'override beside JAR': (browser) => login(browser, { change: async (...given) => forced(await signed(...given)) }),
  'logout': async (browser) => {
    const first = await login(browser)
    const url = openid.buildEndSessionUrl(config, { post_logout_redirect_uri: FAREWELL, id_token_hint: first.idToken, state: 'leaving' })
    const end = await browser.travel(url.href)
    return [first, { farewell: end.url?.href }, await login(browser, silently)]
  },
}

function pushed(_, parameters) {
  return openid.buildAuthorizationUrlWithPAR(config, parameters)
}

async function signed(_, parameters) {
  const jwk = JSON.parse(readFileSync(KEYS, 'utf8'))
  const key = { key: await importJWK(jwk, 'ES256'), kid: jwk.kid }
  return openid.buildAuthorizationUrlWithJAR(config, parameters, key)
}

const forced = (url) => adding('variation_id', 'var_After')(adding('experiment_id', 'exp_Logins')(url))

console.log('ready')
for await (const flow of createInterface({ input: process.stdin })) {
  const browser = new Browser()
  let answer
  try {
    const outcomes = [await flows[flow](browser)].flat()
    for (const outcome of outcomes) delete outcome.idToken
    answer = { outcomes }
  } catch (error) {
    answer = { failed: `${error.message}: ${error.cause?.message ?? JSON.stringify(error.cause)}` }
  }
  console.log(JSON.stringify({ flow, ...answer, hops: browser.hops }))
}
