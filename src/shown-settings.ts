/** What of the settings in force may be shown; null: it isn't set and has no default. */
export type ShownSettings = Readonly<
  Record<string, string | number | boolean | readonly string[] | null>
>

type Show = (value: unknown) => ShownSettings[string]

const secret: Show = () => 'set'

/** Others than these are shown as they are. */
const showers: ReadonlyMap<string, Show> = new Map<string, Show>([
  ['ADMIN_TOKEN', secret],
  ['METRICS_TOKEN', secret],
  ['GITHUB_TOKEN', secret],
  ['PROXY_UPSTREAM_AUTH', secret],
  ['ALERT_WEBHOOK_SECRET', secret],
  // Those of chat services have what is secret in the path.
  ['ALERT_WEBHOOK_URL', (value) => new URL(String(value)).origin],
  ['DATABASE_URL', withoutCredentials],
])

/** The settings in force by their names, for an operator to look at: what is secret is only said to be set. */
export function shownSettings(
  names: readonly string[],
  settings: Readonly<Record<string, unknown>>,
): ShownSettings {
  return Object.fromEntries(names.map((name) => [name, shown(name, settings[name])]))
}

function shown(name: string, value: unknown): ShownSettings[string] {
  if (value === undefined) return null
  return (showers.get(name) ?? asItIs)(value)
}

function asItIs(value: unknown): ShownSettings[string] {
  if (Array.isArray(value)) return value.map(String)
  return typeof value === 'number' || typeof value === 'boolean' ? value : String(value)
}

/** The query may have a password as well. */
function withoutCredentials(value: unknown): string {
  const { protocol, host, pathname } = new URL(String(value))
  return `${protocol}//${host}${pathname}`
}
