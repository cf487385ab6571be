import * as assert from 'uvu/assert'
import { compactInstant, type Instant } from '../../src/time-machine/instant.ts'
import { secondOf } from '../support/feed.ts'
import { startService } from '../support/service.ts'
import { describe } from '../support/suite.ts'

const settings = { PROXY_METADATA_TTL: '60' }

describe(
  'a document that upstream had otherwise, and has as before again',
  async () => await startService({ settings }),
  (test) => {
    test('is exact when it was seen and since it is back, and carried in between', async (service) => {
      const { upstream, clock, get } = service
      const pass = (seconds: number): Instant => {
        clock.advance(seconds)
        upstream.at(secondOf(clock.now()))
        return clock.now()
      }
      const first = await get('/p2/beta/text.json')
      const seen = clock.now()
      pass(1000)
      upstream.publish('beta/text', '7.0.0')
      const otherwise = pass(1000)
      upstream.withdraw('beta/text', '7.0.0')
      const back = pass(1000)
      const second = await get('/p2/beta/text.json')
      assert.ok(second.body.equals(first.body), 'nobody saw the other')
      assert.is(second.headers['last-modified'], first.headers['last-modified'])
      pass(1000)

      const wordAt = async (at: Instant) => {
        const { headers, body } = await get(`/at/${compactInstant(at)}/p2/beta/text.json`)
        assert.ok(body.equals(first.body))
        return String(headers['x-time-machine']).split(';')[0]
      }
      assert.is(await wordAt(seen), 'exact')
      assert.is(await wordAt(otherwise), 'carried')
      assert.is(await wordAt(back), 'exact')
      const { headers } = await get('/p2/beta/text.json', {
        'if-modified-since': first.headers['last-modified'] ?? '',
      })
      assert.is(headers['last-modified'], first.headers['last-modified'], 'Composer keeps its copy')
    })
  },
)
