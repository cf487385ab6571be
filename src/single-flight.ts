/**
 * Joins callers that ask for the same thing at the same time: the first starts the work, the others
 * get its outcome. The work isn't tied to any caller, so the first one leaving doesn't fail the rest,
 * and an outcome is shared with those who waited for it only.
 */
export function createSingleFlight<Key, Outcome>(
  work: (key: Key) => Promise<Outcome>,
  keyOf: (key: Key) => string,
): (key: Key) => Promise<Outcome> {
  const flights = new Map<string, Promise<Outcome>>()
  return async (key) => {
    const name = keyOf(key)
    const joined = flights.get(name)
    if (joined !== undefined) return await joined
    const flight = work(key).finally(() => flights.delete(name))
    flights.set(name, flight)
    return await flight
  }
}
