import path from 'node:path'
import { parseArgs } from 'node:util'
import { importAll } from './commands/import.ts'
import { publish, type PublishOrder } from './commands/publish.ts'
import { Refusal } from './commands/refusal.ts'
import { printableLines } from './composer/notices.ts'
import { createScreen } from './terminal/screen.ts'
import { version as release } from './version.ts'

const usage = `usage: almanac publish <zip> [<zip> …] [options]
       almanac import <directory or tar> [options]

Publishes zips as versions of your own packages: those that are named, or all that are in a
directory and those below, or in a tar.

  --package <vendor/name>  of one zip, when its composer.json doesn't say it
  --version <version>      of one zip, when its composer.json doesn't say it
  --published-at <date>    of one zip, when another registry published it; needs a token that administers
  --claim                  although the vendor has public packages, which are served no more then
  --url <url>              of the repository; without it, ALMANAC_URL

Where a composer.json in an import has no version, the path has it: acme/log/1.2.0.zip. A dates.json at
its top says when another registry published which.

almanac --help says this, and almanac --version which release it is. The exit code is 0 when everything is
published, 1 when anything was refused, and 2 without a command.

ALMANAC_TOKEN must be a token that may publish.
`

interface Order extends PublishOrder {
  readonly command: 'publish' | 'import'
  /** Zips to publish, or the one place to import. */
  readonly files: readonly string[]
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
  return (await (order.command === 'import' ? importOne(order) : publishEach(order))) ? 0 : 1
}

async function publishEach(order: Order): Promise<boolean> {
  let failed = 0
  for (const file of order.files) {
    try {
      const { line, warnings } = await publish(fromHere(file), order)
      process.stdout.write(printableLines(`${line}\n`))
      for (const warning of warnings) process.stderr.write(printableLines(`warning: ${warning}\n`))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      failed += 1
      process.stderr.write(printableLines(`${file}: ${error.message}\n`))
    }
  }
  return failed === 0
}

async function importOne(order: Order): Promise<boolean> {
  const { stdout, stderr, env } = process
  const say = (text: string) => stdout.write(printableLines(text))
  const screen = createScreen({ stdout: { write: say }, stderr, env })
  return await importAll(fromHere(order.files[0] ?? ''), order, screen)
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
  const { package: packageName, version, claim = false } = values
  const publishedAt = values['published-at']
  const ofOne = packageName ?? version ?? publishedAt
  return {
    command: commandFor(command, { files, ofOne }),
    files,
    packageName,
    version,
    publishedAt,
    claim,
    ...serverOf(values.url),
  }
}

/** @throws Refusal */
function commandFor(
  command: string,
  { files, ofOne }: { readonly files: readonly string[]; readonly ofOne: string | undefined },
): Order['command'] {
  if (command !== 'publish' && command !== 'import') {
    throw new Refusal(`there is no command ${command}\n\n${usage}`)
  }
  if (command === 'publish' && files.length === 0) {
    throw new Refusal(`name the zips to publish\n\n${usage}`)
  }
  if (command === 'import' && files.length !== 1) {
    throw new Refusal(`name one directory or tar to import\n\n${usage}`)
  }
  const isOne = command === 'publish' && files.length === 1
  if (!isOne && ofOne !== undefined) {
    throw new Refusal('--package, --version and --published-at are for one zip')
  }
  return command
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

/** Under `npm run` from where the user is, and not from where the package is. */
function fromHere(file: string): string {
  const { npm_lifecycle_event: script, INIT_CWD } = process.env
  return path.resolve(script === 'almanac' && INIT_CWD !== undefined ? INIT_CWD : '.', file)
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    const isRefusal = error instanceof Refusal
    process.stderr.write(printableLines(`almanac: ${isRefusal ? error.message : String(error)}\n`))
    process.exitCode = 1
  },
)
