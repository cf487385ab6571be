/** Whether tar-stream has thrown for what is in a tar. Its errors have neither a class nor a code. */
export function isTarFault(error: unknown): boolean {
  return error instanceof Error && /^(?:Invalid|Unexpected|Header|Unknown)/.test(error.message)
}
