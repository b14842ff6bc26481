// A person with a browser, as far as logins need one: cookies with their paths,
// redirects and forms.
export const agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36'

const typed = { login: 'person@example.com', password: 'password' }

export class Browser {
  #cookies = new Map() // by name and path
  hops = []

  // travel goes on from a request until the site leads away or asks nothing.
  async travel(url, form) {
    for (let hop = 0; hop < 20; hop++) {
      const response = await fetch(url, {
        method: form ? 'POST' : 'GET',
        body: form,
        redirect: 'manual',
        headers: { 'user-agent': agent, accept: 'text/html', cookie: this.#sent(new URL(url)) },
      })
      this.#keep(new URL(url), response)
      const body = await response.text()
      this.hops.push(`${form ? 'POST' : 'GET'} ${path(url)} ${response.status}`)
      const location = response.headers.get('location')
      if (location) {
        url = new URL(location, url).href
        form = undefined
        if (url.startsWith('https://client.example/')) return { url: new URL(url) }
        continue
      }
      const next = filled(url, body)
      if (!next || !response.ok) return { status: response.status, body }
      ;({ url, form } = next)
    }
    throw new Error('the site leads nowhere')
  }

  #sent(url) {
    return [...this.#cookies.values()].filter((cookie) => within(url.pathname, cookie.path))
      .map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  #keep(url, response) {
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(/; */)
      const at = pair.indexOf('=')
      const name = pair.slice(0, at)
      const cookie = { name, value: pair.slice(at + 1), path: url.pathname.replace(/\/[^/]*$/, '') || '/' }
      let gone = false
      for (const attribute of attributes) {
        const [key, value] = attribute.split('=')
        if (/^path$/i.test(key)) cookie.path = value
        if (/^expires$/i.test(key) && new Date(value) < new Date()) gone = true
        if (/^max-age$/i.test(key) && Number(value) <= 0) gone = true
      }
      if (gone) this.#cookies.delete(`${name} ${cookie.path}`)
      else this.#cookies.set(`${name} ${cookie.path}`, cookie)
    }
  }
}

function within(path, cookiePath) {
  return path === cookiePath || path.startsWith(cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`)
}

// path is a URL's path without what differs from login to login.
function path(url) {
  return new URL(url).pathname.replace(/[A-Za-z0-9_-]{16,}/g, '…')
}

// filled gives what sends a page's form; nothing if there is none.
function filled(url, page) {
  const action = /<form[^>]*action="([^"]*)"/.exec(page)
  if (!action) return undefined
  const form = new URLSearchParams()
  for (const [input] of page.matchAll(/<(?:input|button)[^>]*>/g)) {
    const name = /\bname="([^"]*)"/.exec(input)?.[1]
    if (name) form.set(name, typed[name] ?? /\bvalue="([^"]*)"/.exec(input)?.[1] ?? '')
  }
  return { url: new URL(action[1], url).href, form }
}
