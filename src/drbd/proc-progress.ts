/**
 * The progress lines of a running resync or online verify.
 *
 *     [=====>..............] sync'ed: 31.3% (184276/262100)K     LEFT / TOTAL, percent DONE
 *     finish: 0:00:04 speed: 38,912 (38,912) K/sec               current (average)
 *      39% sector pos: 16777216/41943040                         with proc_details
 *
 * Kernels have printed them in a dozen ways: see each function. LEFT is what remains and TOTAL the
 * whole run, not done of total; that is the mistake most parsers make.
 */
export interface ProcProgress {
  readonly kind: 'resync' | 'verify';
  /** Done, in thousandths. 1000 is possible while the run still goes on. */
  readonly donePermille: number | null;
  readonly leftKiB: number | null;
  readonly totalKiB: number | null;
  /** The kernel's estimate. Null when not printed, not converging, or built on a broken speed. */
  readonly finishSeconds: number | null;
  /** Over about 18 s. Null when the kernel printed nonsense (see `speedOf`). */
  readonly currentKiBps: number | null;
  /** Over the last 3 s or so; printed with proc_details only. */
  readonly shortKiBps: number | null;
  /** Since the start of the run. */
  readonly averageKiBps: number | null;
  /** What the resync controller aims at. */
  readonly wantKiBps: number | null;
  /** The kernel says so. Old ones say it hours late: watch `leftKiB` yourself. */
  readonly stalled: boolean;
  readonly sectorPosition: number | null;
  readonly sectorTotal: number | null;
  readonly stopSector: number | null;
  /** 8.3.8 only: `queue_delay: 12.3 ms` or `delay_probe: 145637`, as printed. */
  readonly delay: string | null;
  /** 8.2.4 and 8.2.5 only: `oos:N` of the verify line, as printed. */
  readonly verifyOutOfSync: number | null;
}

/**
 * How much is done, 0 to 100 with one decimal. The kernel's own figure counts in pieces of 4 MiB
 * (drbd_get_syncer_progress shifts both amounts by 10 bits): a run of 1 MiB begins with 100.0 %.
 * The amounts tell it exactly, up to where they are printed in MiB.
 */
export function donePercent(progress: ProcProgress): number | null {
  const { leftKiB, totalKiB, donePermille } = progress;
  if (leftKiB !== null && totalKiB !== null && totalKiB > 0 && totalKiB < KIB_PER_4_GIB) {
    return Math.round(Math.max(0, 1 - leftKiB / totalKiB) * 1000) / 10;
  }
  return donePermille === null ? null : donePermille / 10;
}

const KIB_PER_4_GIB = 4 * 1024 * 1024;

/** What one progress line adds. */
export type ProgressPart = Partial<ProcProgress>;

/** A part, and whether the line breaks off (a terminal or mailer wrapped it). */
export interface ProgressLine {
  readonly part: ProgressPart;
  readonly complete: boolean;
}

/** Progress of which nothing is known yet. */
export function noProgress(kind: ProcProgress['kind']): ProcProgress {
  return {
    kind,
    donePermille: null,
    leftKiB: null,
    totalKiB: null,
    finishSeconds: null,
    currentKiBps: null,
    shortKiBps: null,
    averageKiBps: null,
    wantKiBps: null,
    stalled: false,
    sectorPosition: null,
    sectorTotal: null,
    stopSector: null,
    delay: null,
    verifyOutOfSync: null,
  };
}

/** 4 KiB, the bitmap's granularity: what one bit stands for in the old verify lines. */
const KIB_PER_BIT = 4;

/** Above this a speed is an underflow of the kernel's arithmetic, not a disk (95 GiB/s). */
const SPEED_KIBPS_MAX = 100_000_000;

/** 8.3.10 garbles every speed from here on (it prints 1,000,001 for 1,250,000). */
const GARBLED_KIBPS_MIN = 1_000_000;

const BAR =
  /^\[=*>?\.*\] *(sync.ed|verified): *(\d{1,3})\.(\d)% *\((\d{1,15})\/(\d{1,15})\) *([KM])? *(.*)$/;
const SPEED = String.raw`(-?[\d,]{1,40})`;
const FINISH = new RegExp(
  String.raw`^finish: *(\S{1,20}) +speed: *${SPEED} *\(([^()]{1,99})\)` +
    String.raw`(?: *want: *${SPEED})? *K/sec *(\(stalled\))?$`,
);
const SECTORS = /^(\d{1,3})% *sector pos: *(\d{1,16})\/(\d{1,16})(?: *stop sector: *(\d{1,16}))?$/;
const OLD_VERIFY = /^(\d{1,3})%(?: *oos:(\d{1,15}))? +(\d{1,15}) *\/ *(\d{1,15})$/;
const DELAY = /^(?:queue_delay|delay_probe): [\d.]{1,20}(?: ms)?$/;

/**
 * Reads one progress line, or returns null when it is something else. `release` is the module's
 * (8.3.10 prints fast speeds wrongly).
 */
export function parseProgress(text: string, release: readonly number[]): ProgressLine | null {
  if (text.startsWith('[')) return parseBar(text, release);
  if (text.startsWith('finish:')) return parseFinish(text, release);
  if (text === 'stalled') return { part: { stalled: true }, complete: true };
  return parseSectors(text) ?? parseOldVerify(text);
}

/**
 * The bar. In-tree kernels 2.6.39 to 3.16 forget the line break after the `M` form:
 * `(4448/20480)Mfinish: 0:01:14 ...`.
 */
function parseBar(text: string, release: readonly number[]): ProgressLine | null {
  const match = BAR.exec(text);
  if (match === null) return null;
  const [, word, whole, tenth, left, total, unit, rest = ''] = match;
  const part: ProgressPart = {
    kind: word === 'verified' ? 'verify' : 'resync',
    donePermille: Math.min(Number(whole) * 10 + Number(tenth), 1000),
    ...(unit === undefined ? {} : amounts(Number(left), Number(total), unit === 'M' ? 1024 : 1)),
  };
  if (rest === '') return { part, complete: unit !== undefined };
  if (DELAY.test(rest)) return { part: { ...part, delay: rest }, complete: true };
  const finish = parseFinish(rest, release);
  if (finish === null) return { part, complete: false };
  return { part: { ...part, ...finish.part }, complete: finish.complete };
}

function amounts(left: number, total: number, kibPerUnit: number): ProgressPart {
  return { leftKiB: left * kibPerUnit, totalKiB: total * kibPerUnit };
}

/** `finish: H:MM:SS speed: CUR (AVG) [want: RATE] K/sec`, AVG also as `SHORT -- AVG`. */
function parseFinish(text: string, release: readonly number[]): ProgressLine | null {
  if (!text.startsWith('finish:')) return null;
  const match = FINISH.exec(text);
  if (match === null) return { part: {}, complete: false };
  const [, finish = '', current = '', averages = '', want, stalled] = match;
  const pair = averages.split('--');
  const currentKiBps = speedOf(current, release);
  return {
    part: {
      finishSeconds: currentKiBps === null || currentKiBps === 0 ? null : secondsOf(finish),
      currentKiBps,
      shortKiBps: pair.length > 1 ? speedOf(pair[0] ?? '', release) : null,
      averageKiBps: speedOf(pair.at(-1) ?? '', release),
      wantKiBps: want === undefined ? null : speedOf(want, release),
      stalled: stalled !== undefined,
    },
    complete: true,
  };
}

/** Hours are unbounded; 9.x prints the infinity sign when the run does not converge. */
function secondsOf(finish: string): number | null {
  const match = /^(\d{1,10}):(\d{2}):(\d{2})$/.exec(finish);
  if (match === null) return null;
  return Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3]);
}

/**
 * A speed with thousands separators, in KiB/s. When new writes outrun the resync, the kernel's
 * unsigned arithmetic prints negative or absurd numbers: those are null, and so is the estimate.
 */
function speedOf(text: string, release: readonly number[]): number | null {
  const digits = text.trim().replaceAll(',', '');
  if (!/^\d{1,9}$/.test(digits)) return null;
  const speed = Number(digits);
  const garbles = release[0] === 8 && release[1] === 3 && release[2] === 10;
  if (garbles && speed >= GARBLED_KIBPS_MIN) return null;
  return speed > SPEED_KIBPS_MAX ? null : speed;
}

/** ` 39% sector pos: 16777216/41943040 stop sector: 5000000`. */
function parseSectors(text: string): ProgressLine | null {
  const match = SECTORS.exec(text);
  if (match === null) return null;
  const [, , position, total, stop] = match;
  const part: ProgressPart = {
    sectorPosition: Number(position),
    sectorTotal: Number(total),
    stopSector: stop === undefined ? null : Number(stop),
  };
  return { part, complete: true };
}

/** Verify in 8.2.4 to 8.3.9, ` 23%      600000/2621440`: bits done of all, unlike the bar. */
function parseOldVerify(text: string): ProgressLine | null {
  const match = OLD_VERIFY.exec(text);
  if (match === null) return null;
  const [, percent, outOfSync, done, total] = match;
  const part: ProgressPart = {
    kind: 'verify',
    donePermille: Math.min(Number(percent) * 10, 1000),
    ...amounts(Math.max(Number(total) - Number(done), 0), Number(total), KIB_PER_BIT),
    verifyOutOfSync: outOfSync === undefined ? null : Number(outOfSync),
  };
  return { part, complete: true };
}
