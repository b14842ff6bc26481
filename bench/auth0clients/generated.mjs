// Writes the types of a client from the document that the edge serves, has TypeScript
// check program.ts against them, and runs it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import openapiTS, { astToString } from 'openapi-typescript'

const response = await fetch(`https://${process.env.HOST}/api/v2/experimentation/openapi.json`)
assert.equal(response.status, 200)
const dir = mkdtempSync(join(tmpdir(), 'generated-'))
symlinkSync(resolve('node_modules'), join(dir, 'node_modules'))
writeFileSync(join(dir, 'package.json'), '{"type":"module"}')
writeFileSync(join(dir, 'experimentation.ts'), astToString(await openapiTS(await response.json())))
const source = readFileSync('program.ts', 'utf8')
const check = text => {
  writeFileSync(join(dir, 'program.ts'), text)
  const options = ['--strict', '--skipLibCheck', '--target', 'es2022', '--lib', 'es2022,dom', '--module', 'nodenext', '--moduleResolution', 'nodenext']
  try {
    execFileSync(process.execPath, [resolve('node_modules/typescript/bin/tsc'), ...options, join(dir, 'program.ts')], { encoding: 'utf8', cwd: dir })
    return ''
  } catch (error) {
    return error.stdout
  }
}
// A field of another type must not pass, or the types would say nothing.
assert.match(check(source.replace("name: 'phones'", 'name: 5')), /error TS2322/)
assert.equal(check(source), '')
await import(pathToFileURL(join(dir, 'program.js')))
