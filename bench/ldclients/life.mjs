// Takes an experiment through its life with LaunchDarkly's TypeScript client.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import ld from 'launchdarkly-api-typescript'
import { API, arrive, makeFlag, post, token } from './world.mjs'

const project = 'default'
const environment = 'production'
const key = 'red-login'

const configured = apiKey => new ld.Configuration({ apiKey, basePath: API, baseOptions: { headers: { 'LD-API-Version': 'beta' } } })
const experiments = new ld.ExperimentsApi(configured(token))
const metrics = new ld.MetricsApi(configured(token))
const groups = new ld.MetricsBetaApi(configured(token))
const flags = new ld.FeatureFlagsApi(configured(token))
const projects = new ld.ProjectsApi(configured(token))
const environments = new ld.EnvironmentsApi(configured(token))

// got checks the status of an answer and gives its body.
async function got(status, call) {
  const response = await call
  assert.equal(response.status, status)
  return response.data
}

// refused checks the error of a call.
async function refused(status, code, words, call) {
  await assert.rejects(call, ({ response }) => {
    assert.equal(response.status, status, JSON.stringify(response.data))
    assert.equal(response.data.code, code)
    assert.match(response.data.message, words)
    assert.match(response.data.id, /^[0-9a-f-]{36}$/)
    return true
  })
}

const patch = (...instructions) => experiments.patchExperiment(project, environment, key, { comment: 'because', instructions })

function iteration(control, treatment, more = {}) {
  const given = (name, baseline, allocationPercent) => ({ name, baseline, allocationPercent, parameters: [{ flagKey: 'login-page', variationId: name }] })
  return {
    hypothesis: 'Red helps', primarySingleMetricKey: 'bought', randomizationUnit: 'device',
    metrics: [{ key: 'bought' }, { key: 'paid' }, { key: 'steps', isGroup: true }],
    treatments: [given('control', true, control), given('treatment', false, treatment)],
    flags: { 'login-page': { ruleId: 'fallthrough', flagConfigVersion: 1, notInExperimentVariationId: 'rest' } },
    attributes: ['browser'], ...more
  }
}

async function settings() {
  const units = [{ randomizationUnit: 'user', standardRandomizationUnit: 'user' }, { randomizationUnit: 'device', standardRandomizationUnit: 'guest', default: true }]
  await got(200, experiments.putExperimentationSettings(project, { randomizationUnits: units }))
  const { _projectKey, randomizationUnits } = await got(200, experiments.getExperimentationSettings(project))
  assert.equal(_projectKey, project)
  assert.deepEqual(randomizationUnits.map(u => [u.randomizationUnit, u.default]), [['device', true], ['user', false]])
}

async function measures() {
  const made = await got(201, metrics.postMetric(project, { key: 'bought', name: 'Bought', kind: 'custom', eventKey: 'order', isNumeric: false, successCriteria: 'HigherThanBaseline', randomizationUnits: ['device'] }))
  assert.equal(made.eventKey, 'order')
  await got(201, metrics.postMetric(project, { key: 'paid', kind: 'custom', eventKey: 'order', isNumeric: true, unit: 'EUR', unitAggregationType: 'sum', successCriteria: 'HigherThanBaseline' }))
  await refused(409, 'optimistic_locking_error', /already exists/, metrics.postMetric(project, { key: 'paid', kind: 'custom', eventKey: 'order' }))
  const renamed = await got(200, metrics.patchMetric(project, 'bought', [{ op: 'replace', path: '/name', value: 'Has bought' }]))
  assert.equal(renamed.name, 'Has bought')
  const { items } = await got(200, metrics.getMetrics(project))
  assert.deepEqual(items.map(m => m.key), ['bought', 'paid', 'login', 'signup', 'failed_login', 'login_ms'])
  await got(201, groups.createMetricGroup(project, { key: 'steps', name: 'Steps', kind: 'funnel', maintainerId: 'me', tags: [], metrics: [{ key: 'login', nameInGroup: 'Log in' }, { key: 'bought', nameInGroup: 'Buy' }] }))
  const group = await got(200, groups.getMetricGroup(project, 'steps'))
  assert.deepEqual(group.metrics.map(m => m.nameInGroup), ['Log in', 'Buy'])
  const patched = await got(200, groups.patchMetricGroup(project, 'steps', [{ op: 'add', path: '/tags/-', value: 'till' }, { op: 'replace', path: '/metrics/0/nameInGroup', value: 'In' }]))
  assert.deepEqual([patched.tags, patched.metrics[0].nameInGroup, patched._version], [['till'], 'In', 2])
}

async function reads() {
  const all = await got(200, projects.getProjects(5, 0, 'query:def', 'name', 'environments'))
  assert.deepEqual(all.items.map(p => [p.key, p.environments.items[0].key]), [[project, environment]])
  assert.equal((await got(200, projects.getProject(project))).name, project)
  assert.equal((await got(200, environments.getEnvironmentsByProject(project))).totalCount, 1)
  assert.equal((await got(200, environments.getEnvironment(project, environment))).key, environment)
  const named = async filter => (await got(200, metrics.getMetrics(project, undefined, 5, 0, '-name', filter))).items.map(m => m.key)
  assert.deepEqual(await named('query equals "has b"'), ['bought'])
  assert.deepEqual(await named('tags contains ["x"]'), [])
  assert.deepEqual((await got(200, flags.getFeatureFlags(project, undefined, undefined, 5, 0, false, false, 'query:no-such'))).items, [])
  assert.deepEqual((await got(200, groups.getMetricGroups(project, "query equals 'steps'", '-name', 'experiments'))).items.map(g => g.key), ['steps'])
  await refused(400, 'invalid_request', /filter/, flags.getFeatureFlags(project, undefined, undefined, 5, 0, false, false, 'evaluated:x'))
  const { _versionId } = await got(200, metrics.getMetric(project, 'bought'))
  const same = await got(200, metrics.patchMetric(project, 'bought', [{ op: 'replace', path: '/name', value: 'Has bought' }]))
  assert.equal(same._versionId, _versionId)
  await refused(400, 'invalid_request', /nothing at this path/, metrics.patchMetric(project, 'bought', [{ op: 'replace', path: '/nope', value: 1 }]))
}

async function draft(variations) {
  const flag = await got(200, flags.getFeatureFlag(project, 'login-page'))
  assert.equal(flag.environments[environment].on, true)
  assert.deepEqual(flag.variations.map(v => v._id), Object.values(variations))
  const made = await got(201, experiments.createExperiment(project, environment, { key, name: 'Red login', description: 'A red button', iteration: iteration('40', '40') }))
  assert.equal(made.currentIteration.status, 'not_started')
  await refused(400, 'invalid_request', /already exists/, experiments.createExperiment(project, environment, { key, name: 'Another', iteration: iteration('40', '40') }))
  await refused(400, 'invalid_request', /treatments/, experiments.createExperiment(project, environment, { key: 'other', name: 'Other', iteration: iteration('60', '60') }))
  const found = await got(200, experiments.getExperiments(project, environment, 5, 0, 'flagKey:login-page,metricKey:bought,status:not_started', 'treatments', 'active'))
  assert.equal(found.total_count, 1)
  assert.deepEqual(found.items[0].currentIteration.treatments.map(t => [t._id, t.allocationPercent]), [[variations.control, '40'], [variations.treatment, '40']])
  assert.equal((await got(200, experiments.getExperiments(project, environment, 5, 0, 'status:running'))).total_count, 0)
}

// visits has devices come to the edge, and those of the treatment buy more often.
// It gives what each variation was given, by its id.
async function visits(variations) {
  const seen = Object.fromEntries(Object.values(variations).map(id => [id, { units: 0, orders: 0, paid: 0 }]))
  const events = []
  for (let i = 0; i < 120; i++) {
    const { variation, exposure } = await arrive()
    const is = seen[variation]
    is.units++
    if (variation === variations.rest) {
      assert.equal(exposure, '', 'who is outside has no exposure')
      continue
    }
    assert.notEqual(exposure, '')
    if (is.units % (variation === variations.treatment ? 2 : 4)) continue
    is.orders++
    is.paid += 10 + i
    events.push({ id: `order-${i}`, event: 'order', exposure_id: exposure, value: 10 + i })
  }
  for (const { units } of Object.values(seen)) assert.ok(units > 0, 'some variation was given to nobody')
  await post('/events', events)
  return seen
}

async function results(variations, seen, iterationId) {
  const read = metric => experiments.getExperimentResults(project, environment, key, metric, iterationId, 'traffic')
  const inside = [variations.control, variations.treatment]
  let all
  for (let tries = 0; tries < 100; tries++) { // exposures get into the log by and by
    all = await got(200, read('bought'))
    if (all.treatmentResults.every(t => t.units === seen[t.treatmentId].units)) break
    await sleep(100)
  }
  assert.deepEqual(all.treatmentResults.map(t => [t.treatmentId, t.units, t.traffic, t.eventValuesSum]),
    inside.map(id => [id, seen[id].units, seen[id].units, seen[id].orders]))
  assert.deepEqual(all.results.map(r => [r.attribute, r.attributeValue]), [['browser', 'firefox']])
  assert.equal(all.metricSeen.ever, true)
  const paid = await got(200, read('paid'))
  assert.deepEqual(paid.treatmentResults.map(t => t.eventValuesSum), inside.map(id => seen[id].paid))
  const group = await got(200, experiments.getExperimentResultsForMetricGroup(project, environment, key, 'steps', iterationId))
  assert.deepEqual(group.metrics.map(m => m.metric.key), ['login', 'bought'])
  await refused(404, 'not_found', /gone/, read('gone'))
}

async function later(first) {
  await refused(400, 'invalid_request', /no other was created/, patch({ kind: 'startIteration', changeJustification: 'why not' }))
  const next = await got(200, experiments.createIteration(project, environment, key, iteration('50', '50', { canReshuffleTraffic: false })))
  await refused(400, 'invalid_request', /changeJustification/, patch({ kind: 'startIteration' }))
  const all = await got(200, experiments.getExperiment(project, environment, key, 'previousIterations,draftIteration,secondaryMetrics,treatments'))
  assert.deepEqual([all.currentIteration._id, all.draftIteration._id, all.currentIteration.secondaryMetrics[0].key], [first, next._id, 'paid'])
  const started = await got(200, patch({ kind: 'startIteration', changeJustification: 'everybody is to see it' }))
  assert.deepEqual([started.currentIteration._id, started.previousIterations[0]._id, started.previousIterations[0].status], [next._id, first, 'stopped'])
}

async function end(variations) {
  await refused(400, 'invalid_request', /running/, patch({ kind: 'archiveExperiment' }))
  const stopped = await got(200, patch({ kind: 'stopIteration', winningTreatmentId: variations.treatment, winningReason: 'red helps' }))
  assert.deepEqual([stopped.currentIteration.status, stopped.currentIteration.winningTreatmentId], ['stopped', variations.treatment])
  assert.deepEqual(await arrive(), { variation: '', exposure: '' })
  assert.ok((await got(200, patch({ kind: 'archiveExperiment' }))).archivedDate)
  assert.equal((await got(200, experiments.getExperiments(project, environment))).total_count, 0)
  assert.equal((await got(200, experiments.getExperiments(project, environment, 5, 0, undefined, undefined, 'archived'))).total_count, 1)
  assert.equal((await got(200, patch({ kind: 'restoreExperiment' }))).archivedDate, undefined)
}

async function errors() {
  const as = apiKey => new ld.ExperimentsApi(configured(apiKey))
  await refused(401, 'unauthorized', /token/, as('api-wrong').getExperiments(project, environment))
  await refused(403, 'forbidden', /other/, as('api-foreign').getExperiments(project, environment))
  await refused(403, 'forbidden', /scopes/, as('api-reader').putExperimentationSettings(project, { randomizationUnits: [] }))
  await refused(404, 'not_found', /gone/, experiments.getExperiment(project, environment, 'gone'))
  await refused(400, 'invalid_request', /filter/, experiments.getExperiments(project, environment, 5, 0, 'color:red'))
  await refused(400, 'invalid_request', /kind/, patch({ kind: 'deleteExperiment' }))
  await refused(403, 'forbidden', /built in/, metrics.deleteMetric(project, 'login'))
  await refused(409, 'optimistic_locking_error', /in use/, metrics.deleteMetric(project, 'bought'))
}

async function step(name, run) {
  const result = await run()
  console.log(`ok: ${name}`)
  return result
}

const variations = await makeFlag()
await step('experimentation settings', settings)
await step('metrics and a metric group', measures)
await step('projects, filters, patches', reads)
await step('create and list', () => draft(variations))
const started = await step('start', () => got(200, patch({ kind: 'updateName', value: 'Red' }, { kind: 'startIteration' })))
assert.deepEqual([started.name, started.currentIteration.status], ['Red', 'running'])
const seen = await step('the edge decides', () => visits(variations))
await step('results', () => results(variations, seen, started.currentIteration._id))
await step('a later iteration, expanded', () => later(started.currentIteration._id))
await step('stop, archive, restore', () => end(variations))
await step('errors', errors)
