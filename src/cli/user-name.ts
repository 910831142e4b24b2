/** Who asks: the person behind sudo, else the user, else his number. */
export async function userName(): Promise<string> {
  const sudoUser = process.env['SUDO_USER'] ?? '';
  if (sudoUser !== '') return sudoUser;
  const { userInfo } = await import('node:os');
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
