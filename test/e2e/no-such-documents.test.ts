import * as assert from 'uvu/assert'
import { composerProject } from '../support/composer.ts'
import { type Composer, forEachComposer } from '../support/every-composer.ts'
import {
  brokenDocuments,
  emptyDocuments,
  noSuchDocuments,
  type SentInstead,
} from '../support/no-such-documents.ts'
import { startService } from '../support/service.ts'

/** The name of a package for each form of document. */
const nameOf = (index: number) => `acme/form-${index}`

async function open({ run }: Composer) {
  const service = await startService()
  const { upstream, clock } = service

  /** What `update` comes to when upstream sends these documents, and the next repository has all packages. */
  async function update(repository: string, forms: readonly SentInstead[]) {
    const names = forms.map((_, index) => nameOf(index))
    const clears = forms.map(({ body }, index) =>
      upstream.fail({
        match: new RegExp(`/p2/${nameOf(index)}(?:~dev)?[.]json`),
        mode: 'own-words',
        status: 200,
        headers: { 'last-modified': 'Mon, 01 Jun 2026 00:00:00 GMT' },
        body: body(nameOf(index)),
      }),
    )
    const repositories = [
      { type: 'composer', url: repository },
      ...names.map((name) => ({
        type: 'package',
        package: { name, version: '1.0.0', type: 'metapackage' },
      })),
      { 'packagist.org': false },
    ]
    const require = Object.fromEntries(names.map((name) => [name, '*']))
    const project = composerProject({ repository, require, extra: { repositories } })
    try {
      const { code, output } = await run(['update', '--no-install', '--no-audit'], project)
      return { code, output, locked: code === 0 ? project.locked() : [] }
    } finally {
      for (const clear of clears) clear()
      project.remove()
      clock.advance(60)
    }
  }
  return { update, urls: [upstream.url, service.url], close: service.close }
}

forEachComposer('what upstream sends instead of a document', open, (test) => {
  test('is no such package where it is that from upstream itself', async ({ update, urls }) => {
    for (const url of urls) {
      const { code, output, locked } = await update(url, noSuchDocuments)
      assert.is(code, 0, output)
      assert.is(locked.length, noSuchDocuments.length)
    }
  })

  for (const form of [...brokenDocuments, ...emptyDocuments]) {
    test(`is not when it is ${form.title}`, async ({ update, urls: [upstream = ''] }) => {
      const { code, output } = await update(upstream, [form])
      assert.is.not(code, 0, output)
    })
  }
})
