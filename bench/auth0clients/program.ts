import createClient from 'openapi-fetch'
import type { paths } from './experimentation.js'

declare const process: { env: Record<string, string> }

const base = '/api/v2/experimentation' as const
const client = createClient<paths>({ baseUrl: `https://${process.env.HOST}` })

function equal(got: unknown, want: unknown): void {
  if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(`got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`)
}

const grant = await client.POST('/oauth/token', {
  body: { grant_type: 'client_credentials', client_id: 'writer', client_secret: 'writer-secret' }
})
if (!grant.data) throw new Error(grant.error.error_description)
const headers = { Authorization: `Bearer ${grant.data.access_token}` }

const flag = await client.POST(`${base}/feature-flags`, {
  headers, body: { name: 'login page', parameters: { color: { type: 'string', value: 'blue' } } }
})
if (!flag.data) throw new Error(flag.error.message)
const id = flag.data.id
const variation = await client.POST(`${base}/feature-flags/{id}/variations`, {
  headers, params: { path: { id } }, body: { name: 'red', overrides: { color: { value: 'red' } } }
})
equal(variation.data?.overrides, { color: { value: 'red' } })

const segment = await client.POST(`${base}/segments`, {
  headers, body: { name: 'people on phones', rules: [{ match: { device_type: ['mobile'] } }] }
})
if (!segment.data) throw new Error(segment.error.message)
const renamed = await client.PATCH(`${base}/segments/{id}`, {
  headers: { ...headers, 'If-Match': segment.response.headers.get('ETag') ?? '' }, params: { path: { id: segment.data.id } }, body: { name: 'phones' }
})
equal(renamed.data?.name, 'phones')
const listed = await client.GET(`${base}/segments`, { headers, params: { query: { take: 50, type: 'self' } } })
equal(listed.data?.segments.map(s => s.name), ['phones'])

const none = await client.GET(`${base}/experiments/{id}`, { headers, params: { path: { id: 'exp_1' } } })
equal(none.error?.errorCode, 'experiment_not_found')
const gone = await client.DELETE(`${base}/segments/{id}`, { headers, params: { path: { id: segment.data.id } } })
equal(gone.response.status, 204)
