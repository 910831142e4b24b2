import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Folder -> folders it may import values and types from (ARCHITECTURE.md, "Who may import whom"). */
const MAY_IMPORT = {
  base: [],
  drbd: ['base'],
  heartbeat: ['base'],
  resources: ['base'],
  failover: ['base', 'drbd', 'heartbeat', 'resources'],
  sim: ['base', 'drbd', 'heartbeat', 'resources', 'failover'],
  host: ['base', 'drbd', 'resources', 'config'],
  daemon: ['base', 'drbd', 'heartbeat', 'resources', 'failover', 'config', 'host'],
  cli: ['base', 'config', 'drbd', 'host', 'sim'],
};
const FOLDERS = [...Object.keys(MAY_IMPORT), 'config'];

/** The functional core: no clock, no randomness, no world. */
const CORE = ['base', 'drbd', 'heartbeat', 'resources', 'failover', 'config', 'sim'];
const PURE_NODE_MODULES = ['node:crypto'];

/** A package that may be imported in one file only. */
const ONE_FILE = {
  execa: 'src/host/exec.ts',
  serialport: 'src/heartbeat/transport/serial.ts',
  pino: 'src/daemon/log.ts',
};

const escape = (text) => text.replace(/[/.]/g, '\\$&');

function importRule(folder, allowed) {
  const forbidden = FOLDERS.filter((other) => other !== folder && !allowed.includes(other));
  return {
    files: [`src/${folder}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            ...forbidden.map((other) => ({
              regex: `^(\\.\\./)+${other}/`,
              message: `${folder} may not import ${other} (see ARCHITECTURE.md).`,
              allowTypeImports: false,
            })),
            ...packagePatterns(folder),
          ],
        },
      ],
    },
  };
}

function packagePatterns(folder) {
  const patterns = Object.entries(ONE_FILE).map(([name, file]) => ({
    regex: `^${escape(name)}($|/)`,
    message: `${name} is imported in ${file} only.`,
  }));
  if (folder !== 'cli') patterns.push({ regex: '^commander$', message: 'commander is for cli.' });
  if (CORE.includes(folder)) {
    patterns.push({
      regex: `^node:(?!${PURE_NODE_MODULES.map((name) => name.slice(5)).join('|')}$)`,
      message: 'The core touches nothing of the world; report it as an event instead.',
    });
  }
  return patterns;
}

const configImports = {
  files: ['src/config/**/*.ts'],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: '^(\\.\\./)+(drbd|heartbeat|resources)/',
            message: 'config takes only types from there.',
            allowTypeImports: true,
          },
          { regex: '^(\\.\\./)+(failover|host|sim|daemon|cli)/', message: 'config stands below it.' },
          ...packagePatterns('config'),
        ],
      },
    ],
  },
};

const coreGlobals = {
  files: CORE.map((folder) => `src/${folder}/**/*.ts`),
  ignores: ['src/heartbeat/transport/**'],
  rules: {
    'no-restricted-globals': [
      'error',
      ...['Date', 'process', 'console', 'performance', 'setTimeout', 'setInterval', 'setImmediate'],
      ...['clearTimeout', 'clearInterval', 'queueMicrotask', 'fetch', 'crypto'],
    ],
    'no-restricted-properties': ['error', { object: 'Math', property: 'random' }],
  },
};

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '.tap/**'] },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, ...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 20],
      'max-params': ['error', 5],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
    },
  },
  coreGlobals,
  ...Object.entries(MAY_IMPORT).map(([folder, allowed]) => importRule(folder, allowed)),
  configImports,
  {
    files: Object.values(ONE_FILE).concat('src/heartbeat/transport/**/*.ts'),
    rules: { '@typescript-eslint/no-restricted-imports': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      'max-lines': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['scripts/**/*.mjs', 'eslint.config.js'],
    extends: [js.configs.recommended],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
  },
);
