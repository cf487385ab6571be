import { parseArgs } from 'node:util'
import { StartupError } from './errors.ts'

export type StartOption = 'start' | 'help' | 'version' | 'check'

/** What somebody wants of `npm start -- …`. @throws StartupError */
export function startOption(args: readonly string[]): StartOption {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
        check: { type: 'boolean' },
      },
    })
    if (values.help) return 'help'
    if (values.version) return 'version'
    return values.check ? 'check' : 'start'
  } catch {
    throw new StartupError(
      'The only options are --help, --version and --check, after npm start --; settings are environment variables.',
    )
  }
}
