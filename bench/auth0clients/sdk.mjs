// Uses Auth0's Node SDK as its documentation says: with a domain, an id and a secret.
import assert from 'node:assert/strict'
import { ManagementClient } from 'auth0'

const domain = process.env.HOST
const client = (clientId, clientSecret) => new ManagementClient({ domain, clientId, clientSecret, maxRetries: 0 })
const writer = client('writer', 'writer-secret')
const reader = client('reader', 'reader-secret')

// call sends what the SDK has no method for, with the SDK's token.
async function call(sdk, method, path, body) {
  const headers = body ? { 'Content-Type': 'application/json' } : {}
  const response = await sdk.fetch(`experimentation/${path}`, { method, headers, body: body && JSON.stringify(body) })
  return { status: response.status, body: await response.json() }
}

const made = await call(writer, 'POST', 'segments', { name: 'people on phones', rules: [{ match: { device_type: ['mobile'] } }] })
assert.equal(made.status, 201, JSON.stringify(made.body))
const listed = await call(reader, 'GET', 'segments')
assert.deepEqual(listed.body.segments.map(s => s.id), [made.body.id])
const refused = await call(reader, 'POST', 'segments', { name: 'more people', rules: [{ match: { device_type: ['mobile'] } }] })
assert.deepEqual([refused.status, refused.body.errorCode], [403, 'insufficient_scope'])

// A wrong secret says so, and no call succeeds.
await assert.rejects(call(client('writer', 'wrong'), 'GET', 'segments'), error => /401|token/i.test(String(error.message) + error.statusCode))

// An experiment with a ramp, where Early Access has come; its ramp is advanced by
// the SDK's own method. Where there is no such route, the SDK is told so: it once
// took an empty 200 for success.
const flag = (await call(writer, 'POST', 'feature-flags', { name: 'login page', parameters: { color: { type: 'string', value: 'blue' } } })).body.id
const variations = []
for (const [name, overrides] of [['control', {}], ['treatment', { color: { value: 'red' } }]]) {
  variations.push((await call(writer, 'POST', `feature-flags/${flag}/variations`, { name, overrides })).body.id)
}
assert.equal((await call(writer, 'POST', `feature-flags/${flag}/status`, { status: 'active' })).status, 200)
const experiment = {
  name: 'red login', feature_flag_id: flag, authentication_flow: 'authentication', allocation_strategy: 'percentage',
  allocations: [{ variation_id: variations[0], weight: 50, is_control: true }, { variation_id: variations[1], weight: 50, is_control: false }]
}
const ramped = await call(writer, 'POST', 'experiments', { ...experiment, levels: [10, 50] })
if (ramped.status === 201) {
  const { id } = ramped.body
  assert.equal((await call(writer, 'POST', `experiments/${id}/status`, { status: 'active' })).status, 200)
  const moved = await writer.experimentation.experiments.advanceRamp(id, { target_level: 50 })
  assert.deepEqual([moved.experiment_id, moved.from_level, moved.to_level, moved.current_level], [id, 10, 50, 50])
  console.log('the ramp has been advanced')
} else {
  assert.equal(ramped.status, 400)
  assert.match(ramped.body.message, /levels/)
  const plain = await call(writer, 'POST', 'experiments', { ...experiment, assignment_config: { subject: 'device' } })
  assert.equal(plain.status, 201, JSON.stringify(plain.body))
  await assert.rejects(writer.experimentation.experiments.advanceRamp(plain.body.id, { target_level: 50 }), error => {
    assert.deepEqual([error.statusCode, error.body?.errorCode], [404, 'route_not_found'])
    return true
  })
  console.log('there are no ramps, and the SDK is told so')
}
await assert.rejects(writer.experimentation.experiments.advanceRamp('exp_nothing', { target_level: 50 }), ({ statusCode, body }) => {
  assert.equal(statusCode, 404)
  assert.match(body.errorCode, /^(route_not_found|experiment_not_found)$/)
  return true
})
