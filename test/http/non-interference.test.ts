import * as assert from 'uvu/assert'
import type { ApiAnswer } from '../support/api.ts'
import { pathOf } from '../support/api.ts'
import { openPublishing, packageZip, type Publishing } from '../support/publishing.ts'
import { describe } from '../support/suite.ts'
import { issueToken } from '../support/tokens.ts'

interface World extends Publishing {
  /** May read what is of another vendor. */
  readonly stranger: string
}

/** The same but for what is private: how much there is of it, how it is called, and what happened to it. */
async function openWorld(packages: readonly string[], versions: number): Promise<World> {
  const world = await openPublishing({ settings: { PRIVATE_VENDORS: 'own' } })
  for (const name of packages) {
    for (let minor = 0; minor < versions; minor += 1) {
      const zip = packageZip({ name: `own/${name}`, keywords: ['secret'] }, 'x'.repeat(minor * 500))
      await world.put(`own/${name}/1.${minor}.0`, zip)
    }
  }
  if (versions > 1) await world.remove(`own/${packages[0]}/1.0.0`)
  const { token } = await issueToken(world, { grants: [{ scope: 'read', vendors: ['other'] }] })
  return { ...world, stranger: token }
}

const names = ['log', 'prices', 'nothing']

/** Whatever somebody may try who has no business here. */
function paths({ routes }: World): readonly string[] {
  const queries = ['', '?q=secret', '?q=own', '?filter=own/*', '?vendor=own', '?packages[]=own/log']
  return routes().flatMap((route) => {
    const path = pathOf(route)
    const owned = names.map((name) => {
      return path.replace('/acme/', '/own/').replace(/\blog\b/g, name)
    })
    return [...new Set([path, ...owned])].flatMap((each) =>
      queries.map((query) => `${each}${query}`),
    )
  })
}

/** What can be told from an answer, but for what names this request or this server. */
function toldBy(answer: ApiAnswer, { url, upstream }: World): string {
  // A tag is made of the bytes, and so of this server's URL; a root file has the date of its first writing.
  const {
    date,
    'x-request-id': requestId,
    etag,
    'last-modified': modified,
    ...headers
  } = answer.headers
  assert.ok(date !== undefined && requestId !== undefined)
  const hasOwnUrl = JSON.stringify(answer.body ?? '').includes(url)
  const dated = hasOwnUrl ? typeof modified : modified
  const told = JSON.stringify([answer.status, headers, typeof etag, dated, answer.body])
  return told
    .replaceAll(url, 'URL')
    .replaceAll(new URL(url).host, 'HOST')
    .replaceAll(upstream.url, 'UPSTREAM')
    .replaceAll(String(requestId), 'ID')
}

async function open() {
  const few = await openWorld(['log'], 1)
  const many = await openWorld(['log', 'prices', 'hats', 'shoes'], 4)
  return {
    few,
    many,
    async close() {
      await few.close()
      await many.close()
    },
  }
}

describe('what is private', open, (test) => {
  test('makes no difference to those who may not read it', async ({ few, many }) => {
    let compared = 0
    const all = paths(few)
    assert.equal(paths(many), all)
    for (const who of ['nobody', 'stranger'] as const) {
      for (const path of all) {
        if (path.startsWith('/readyz') || path.startsWith('/livez')) continue
        const ask = async (world: World) => {
          const token = who === 'nobody' ? undefined : world.stranger
          return toldBy(await world.api('GET', path, { token }), world)
        }
        assert.is(await ask(many), await ask(few), `${who} at ${path}`)
        compared += 1
      }
    }
    assert.ok(compared > 300, `${compared} answers were compared`)
  })
})
