import { z } from 'zod';
import type { ConfigChange } from '../../../config/diff.ts';
import { sourceText } from '../../../config/show.ts';
import { MAX_PIECE_BYTES } from '../limits.ts';
import { method } from '../method.ts';
import * as shapes from '../shapes.ts';

const entry = z.object({
  key: z.string(),
  value: z.json().describe('as it would stand in the file; null if there is none'),
  source: z.string().describe('default, generated, or file and line'),
  reload: z.enum(['live', 'restart']),
});

export const problem = z.object({
  file: z.string(),
  line: shapes.count,
  column: shapes.count,
  key: z.string(),
  code: z.string(),
  message: z.string(),
  expected: z.string(),
});

const value = z.json().optional().describe('as it would stand in the file, secrets redacted; absent if none');

/** One key whose value differs from the one in effect. */
export const change = z.object({ key: z.string(), old: value, new: value });

type Shown = z.input<typeof change>;

export function shownChange({ key, old, new: next }: Pick<ConfigChange, 'key' | 'old' | 'new'>): Shown {
  return {
    key,
    ...(old === undefined ? {} : { old: old as NonNullable<Shown['old']> }),
    ...(next === undefined ? {} : { new: next as NonNullable<Shown['new']> }),
  };
}

export const configMethods = {
  'config.get': method({
    doc: 'Values in effect with their sources; secrets are redacted.',
    params: z.strictObject({
      key: z.string().min(1).max(200).optional().describe('this key or section only'),
    }),
    result: z.object({ file: z.string(), entries: z.array(entry) }),
    errors: [],
    changes: false,
    example: {
      params: { key: 'rpc' },
      result: {
        file: '/etc/btcfed/conf.yaml',
        entries: [{ key: 'rpc.mode', value: '0600', source: 'default', reload: 'restart' }],
      },
    },
    run: ({ config }, { key }) => ({
      file: config.file,
      entries: config
        .shown()
        .filter((e) => key === undefined || e.key === key || e.key.startsWith(`${key}.`))
        .map((e) => ({
          ...e,
          value: e.value as z.input<typeof entry>['value'],
          source: sourceText(e.source),
        })),
    }),
  }),
  'config.check': method({
    doc: 'Checks the configuration file as it is on disk, or the text given; changes nothing.',
    params: z.strictObject({ text: z.string().max(MAX_PIECE_BYTES).optional().describe('YAML') }),
    result: z.object({
      valid: z.boolean(),
      file: z.string(),
      problems: z.array(problem),
      warnings: z.array(problem),
      changes: z
        .array(change.extend({ reload: z.enum(['live', 'restart']) }))
        .optional()
        .describe('what a reload of it would change; any key of class restart refuses the whole reload'),
    }),
    errors: [],
    changes: false,
    example: {
      params: {},
      result: {
        valid: false,
        file: 'conf.yaml',
        warnings: [],
        problems: [
          {
            file: 'conf.yaml',
            line: 7,
            column: 10,
            key: 'logging.level',
            code: 'BAD_VALUE',
            message: 'is the text "loud"',
            expected: 'debug, info, warn or error',
          },
        ],
      },
    },
    run: async ({ config }, { text }) => {
      const { file, problems, warnings, changes } = await config.check(text);
      const plain = (list: typeof problems) => list.map((p) => ({ ...p }));
      return {
        ...{ valid: problems.length === 0, file, problems: plain(problems), warnings: plain(warnings) },
        ...(changes === undefined
          ? {}
          : { changes: changes.map((each) => ({ ...shownChange(each), reload: each.reload })) }),
      };
    },
  }),
};
