// Reads flags with LaunchDarkly's MCP server, as an agent does. Its tools know
// flags; experiments are not among them.
import assert from 'node:assert/strict'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { API, makeFlag, token } from './world.mjs'

const variations = await makeFlag()
const client = new Client({ name: 'test', version: '1' })
await client.connect(new StdioClientTransport({
  command: process.execPath,
  args: ['node_modules/@launchdarkly/mcp-server/bin/mcp-server.js', 'start', '--server-url', API, '--api-key', token],
  env: { NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS, PATH: process.env.PATH }
}))

// use calls a tool; whether it fails is what the server says.
async function use(name, request) {
  const { content, isError } = await client.callTool({ name, arguments: { request } })
  return { text: content[0].text, failed: Boolean(isError) }
}

const names = (await client.listTools()).tools.map(t => t.name)
console.log(`tools: ${names.join(', ')}`)

const list = await use('list-feature-flags', { projectKey: 'default' })
assert.equal(list.failed, false, list.text)
const { items } = JSON.parse(list.text)
assert.deepEqual(items.map(f => f.key), ['login-page'])
console.log('ok: list-feature-flags')

const filtered = await use('list-feature-flags', { projectKey: 'default', filter: 'query:no-such' })
assert.deepEqual(JSON.parse(filtered.text).items, [])
console.log('ok: list-feature-flags with a filter')

const environments = await use('get-environments', { projectKey: 'default' })
assert.equal(environments.failed, false, environments.text)
assert.deepEqual(JSON.parse(environments.text).items.map(e => e.key), ['production'])
console.log('ok: get-environments')

const flag = await use('get-feature-flag', { projectKey: 'default', featureFlagKey: 'login-page' })
assert.equal(flag.failed, false, flag.text)
assert.deepEqual(JSON.parse(flag.text).variations.map(v => v.id), Object.values(variations))
console.log('ok: get-feature-flag')

const missing = await use('get-feature-flag', { projectKey: 'default', featureFlagKey: 'gone' })
assert.equal(missing.failed, true)
assert.match(missing.text, /gone/)
console.log('ok: a flag that is not there')

await client.close()
