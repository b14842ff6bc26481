// What both scripts need of an edge besides what LaunchDarkly's API can do.

export const { API, EDGE } = process.env
export const token = 'api-clients'

// post sends something to the API that makes flags and takes events.
export async function post(path, body) {
  const response = await fetch(`${API}/api/v2/experimentation${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body)
  })
  if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`)
  return response.json()
}

// makeFlag makes the flag login-page with three variations, and turns it on.
export async function makeFlag() {
  const { id } = await post('/feature-flags', { name: 'login page', parameters: { color: { type: 'string', value: 'blue' } } })
  const variations = {}
  for (const [name, color] of [['control'], ['treatment', 'red'], ['rest', 'green']]) {
    const overrides = color ? { color: { value: color } } : {}
    variations[name] = (await post(`/feature-flags/${id}/variations`, { name, overrides })).id
  }
  await post(`/feature-flags/${id}/status`, { status: 'active' })
  return variations
}

// arrive comes to the edge as a new device, and gives the variation and exposure
// that the provider is told of; empty where there is none.
export async function arrive() {
  const { status, headers } = await fetch(`${EDGE}/authorize?client_id=app`, {
    headers: { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }
  })
  if (status !== 200) throw new Error(`the edge answered ${status}`)
  const config = headers.get('Got-Config')
  return { variation: config ? JSON.parse(config).variation_id : '', exposure: headers.get('Got-Exposure') }
}
