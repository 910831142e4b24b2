/**
 * Every exit code of `tandem` and `tandemd`, once. The numbers are those that scripts for
 * high-availability tools know already: LSB for a daemon's status (0-4), sysexits for usage and
 * input (64-78), and Pacemaker's crm_exit_e for refusals (100-124).
 */
export const EXIT = {
  ok: 0,
  failed: 1,
  daemonDown: 3,
  unknown: 4,
  usage: 64,
  noInput: 66,
  unavailable: 69,
  software: 70,
  permission: 77,
  config: 78,
  noSuch: 105,
  unsafe: 107,
  timeout: 124,
} as const;

/** The name of an entry of the catalogue. */
export type ExitName = keyof typeof EXIT;

/** What each code tells, for documentation and `--help`. */
export const EXIT_MEANING: Readonly<Record<ExitName, string>> = {
  ok: 'done, or the cluster is as it should be',
  failed: 'the request was understood and did not succeed; the message says why',
  daemonDown: 'tandemd does not run on this machine',
  unknown: 'the state could not be determined',
  usage: 'the command line was not understood',
  noInput: 'a file that was named cannot be read',
  unavailable: 'tandemd runs but did not answer in time',
  software: 'a defect of Tandem; please report it',
  permission: 'not allowed: run as root or as a member of group haclient',
  config: 'the configuration is not valid; nothing was started or changed',
  noSuch: 'no node, group or resource of that name',
  unsafe: 'refused because it could put data at risk; the message names the safe way',
  timeout: 'accepted, but not completed within the time allowed',
};
