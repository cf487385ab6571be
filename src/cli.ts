import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { got } from 'got'
import { z } from 'zod'
import { readFileAtRoot } from './archives/zip/read-file.ts'
import { parseComposerJson } from './composer/composer-json.ts'
import type { JsonObject } from './composer/minify.ts'
import { PackageName } from './composer/names.ts'
import { printableLines } from './composer/notices.ts'
import { version as release } from './version.ts'

const usage = `usage: almanac publish <zip> [<zip> …] [options]

Publishes zips as versions of your own packages.

  --package <vendor/name>  of one zip, when its composer.json doesn't say it
  --version <version>      of one zip, when its composer.json doesn't say it
  --published-at <date>    of one zip, when another registry published it; needs a token that administers
  --claim                  although the vendor has public packages, which are served no more then
  --url <url>              of the repository; without it, ALMANAC_URL

almanac --help says this, and almanac --version which release it is.

ALMANAC_TOKEN must be a token that may publish.
`

/** What somebody has to do otherwise; ends the program with code 1. */
class Refusal extends Error {
  override readonly name = 'Refusal'
}

interface Order {
  readonly files: readonly string[]
  readonly packageName: string | undefined
  readonly version: string | undefined
  readonly publishedAt: string | undefined
  readonly claim: boolean
  readonly url: string
  readonly token: string
}

async function main(): Promise<number> {
  const args = process.argv.slice(2)
  if (args.length === 0) {
    process.stderr.write(usage)
    return 2
  }
  // With a command it is the version of a zip.
  if (args.length === 1 && args[0] === '--version') {
    process.stdout.write(`almanac ${release}\n`)
    return 0
  }
  const order = orderOf(args)
  if (order === undefined) {
    process.stdout.write(usage)
    return 0
  }
  let failed = 0
  for (const file of order.files) {
    try {
      process.stdout.write(printableLines(`${await publish(file, order)}\n`))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      failed += 1
      process.stderr.write(printableLines(`${file}: ${error.message}\n`))
    }
  }
  return failed === 0 ? 0 : 1
}

/** undefined: somebody wants to know how it is used. @throws Refusal */
function orderOf(args: readonly string[]): Order | undefined {
  const { values, positionals } = parsed(args)
  const [command, ...files] = positionals
  if (values.token !== undefined) {
    throw new Refusal('a token on the command line can be seen by others: set ALMANAC_TOKEN')
  }
  if (values.help === true) return undefined
  if (command === undefined) throw new Refusal(`name a command\n\n${usage}`)
  if (command !== 'publish') throw new Refusal(`there is no command ${command}\n\n${usage}`)
  if (files.length === 0) throw new Refusal(`name the zips to publish\n\n${usage}`)
  const { package: packageName, version, claim = false } = values
  const publishedAt = values['published-at']
  refuseForMany(files, packageName ?? version ?? publishedAt)
  return { files, packageName, version, publishedAt, claim, ...serverOf(values.url) }
}

/** @throws Refusal */
function refuseForMany(files: readonly string[], ofOne: string | undefined): void {
  if (files.length <= 1 || ofOne === undefined) return
  throw new Refusal('--package, --version and --published-at are for one zip')
}

/** @throws Refusal */
function serverOf(said: string | undefined): Pick<Order, 'url' | 'token'> {
  const { ALMANAC_URL, ALMANAC_TOKEN: token } = process.env
  const url = said ?? ALMANAC_URL
  if (url === undefined || !/^https?:/.test(url) || !URL.canParse(url)) {
    throw new Refusal('set ALMANAC_URL or --url to the URL of the repository')
  }
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) {
    throw new Refusal('set ALMANAC_TOKEN to a token that may publish')
  }
  return { url: url.replace(/(?<!\/)\/+$/, ''), token }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        package: { type: 'string' },
        version: { type: 'string' },
        claim: { type: 'boolean' },
        'published-at': { type: 'string' },
        url: { type: 'string' },
        token: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new Refusal(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  }
}

const Published = z.object({
  package: z.string(),
  version: z.string(),
  outcome: z.string(),
  reference: z.string(),
})
const Problem = z.object({ detail: z.string() })

/** @returns a line that says what became of it. @throws Refusal with the server's own words. */
async function publish(file: string, order: Order): Promise<string> {
  const zip = path.resolve(startedIn(), file)
  const { size: sizeBytes } = await stat(zip).catch(() => {
    throw new Refusal('there is no such file')
  })
  const { packageName, version } = await nameOf({ path: zip, sizeBytes }, order)
  const query = new URLSearchParams({
    ...(order.claim && { claim: 'true' }),
    ...(order.publishedAt !== undefined && { 'published-at': order.publishedAt }),
  })
  const under = `${packageName}/${encodeURIComponent(version)}?${query.toString()}`
  const answer = await got(`${order.url}/api/v1/packages/${under}`, {
    method: 'PUT',
    body: createReadStream(zip),
    headers: {
      authorization: `Bearer ${order.token}`,
      'content-type': 'application/zip',
      'content-length': String(sizeBytes),
    },
    throwHttpErrors: false,
    // The token is for this server only.
    followRedirect: false,
    retry: { limit: 0 },
    timeout: { connect: 10_000, secureConnect: 10_000, response: 600_000 },
  }).catch((error: unknown) => {
    throw new Refusal(`${order.url} can't be reached: ${String(error)}`)
  })
  const body = jsonOf(answer.body)
  const { data: published } = Published.safeParse(body)
  if (answer.ok && published !== undefined) {
    const { outcome, reference } = published
    return `${published.package} ${published.version} ${outcome} sha256:${reference}`
  }
  const { data: problem } = Problem.safeParse(body)
  throw new Refusal(problem?.detail ?? `${order.url} answered with status ${answer.statusCode}`)
}

/** Under `npm run`, where the user is, and not where the package is. */
function startedIn(): string {
  const { npm_lifecycle_event: script, INIT_CWD } = process.env
  return script === 'almanac' && INIT_CWD !== undefined ? INIT_CWD : process.cwd()
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** @throws Refusal */
async function nameOf(
  zip: { readonly path: string; readonly sizeBytes: number },
  { packageName, version }: Order,
): Promise<{ readonly packageName: PackageName; readonly version: string }> {
  const isSaid = packageName !== undefined && version !== undefined
  // The server has the last word on what is in it.
  const own: JsonObject = isSaid ? {} : await composerJsonOf(zip)
  const name = PackageName.safeParse(packageName ?? own['name']).data
  if (name === undefined) {
    throw new Refusal('name the package: --package vendor/name, or `name` in its composer.json')
  }
  const asWritten = version ?? own['version']
  if (typeof asWritten === 'string' && asWritten !== '') {
    return { packageName: name, version: asWritten }
  }
  throw new Refusal('name the version: --version 1.2.0, or `version` in its composer.json')
}

const composerJsonBytesMax = 1024 * 1024

async function composerJsonOf(zip: {
  readonly path: string
  readonly sizeBytes: number
}): Promise<JsonObject> {
  const wanted = { name: 'composer.json', sizeBytesMax: composerJsonBytesMax }
  const found = await readFileAtRoot(zip, wanted)
  if (found.outcome === 'bad_zip') throw new Refusal(found.problem)
  if (found.outcome !== 'read') {
    throw new Refusal('a composer.json must be at its root, or in its single top directory')
  }
  const json = parseComposerJson(found.bytes)
  if (!json.ok) throw new Refusal(`of its composer.json: ${json.problem}`)
  return json.json
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    const isRefusal = error instanceof Refusal
    process.stderr.write(printableLines(`almanac: ${isRefusal ? error.message : String(error)}\n`))
    process.exitCode = 1
  },
)
