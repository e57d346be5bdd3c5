import { type Command, GLOBAL_OPTIONS, type OptionSpec } from './command.ts';
import { usage } from './errors.ts';
import { PROGRAM } from './help.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

function words(commands: readonly Command[]): string[] {
  return [...new Set(commands.map((command) => command.name.split(' ')[0] as string))];
}

function flags(command: Command | undefined): string[] {
  return Object.keys({ ...GLOBAL_OPTIONS, ...command?.options }).map((name) => `--${name}`);
}

function families(commands: readonly Command[]): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const command of commands) {
    const [first = '', second] = command.name.split(' ');
    if (second !== undefined) out.set(first, [...(out.get(first) ?? []), second]);
  }
  return out;
}

function takesFiles(command: Command): boolean {
  return command.args.some((arg) => arg.file === true);
}

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const name = command.name.replace(' ', '\\ ');
    const files = takesFiles(command) ? '; files=1' : '';
    return `    ${name}|${name}\\ *) opts="${flags(command).join(' ')}"${files} ;;`;
  });
  const second = [...families(commands)].map(
    ([first, seconds]) =>
      `    ${first}) COMPREPLY=($(compgen -W "${seconds.join(' ')}" -- "$cur")); return ;;`,
  );
  return `# bash completion of ${PROGRAM}: source <(${PROGRAM} completion bash)
_${PROGRAM}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" opts="${flags(undefined).join(' ')}" files=
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ] && [ "\${cur#-}" = "$cur" ]; then
    COMPREPLY=($(compgen -W "${words(commands).join(' ')}" -- "$cur")); return
  fi
  if [ "$COMP_CWORD" = 2 ]; then case "\${COMP_WORDS[1]}" in
${second.join('\n')}
  esac; fi
  case "\${COMP_WORDS[*]:1}" in
${cases.join('\n')}
  esac
  case "$cur" in
    -*) COMPREPLY=($(compgen -W "$opts" -- "$cur")) ;;
    *) [ -n "$files" ] && COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}
complete -o filenames -F _${PROGRAM} ${PROGRAM}
`;
}

/** Quotes for zsh and fish descriptions, which stand in single quotes. */
function quoted(text: string): string {
  return text.replaceAll("'", '').replaceAll(':', ';').replaceAll('[', '(').replaceAll(']', ')');
}

function zsh(commands: readonly Command[]): string {
  const list = words(commands).map((word) => {
    const command = commands.find((c) => c.name === word);
    return `    '${word}:${quoted(command?.summary ?? `${families(commands).get(word)?.join(', ')}`)}'`;
  });
  const cases = commands.map((command) => {
    const [first = '', second] = command.name.split(' ');
    const match = second === undefined ? `${first}\\ *` : `${first}\\ ${second}*`;
    const options = Object.entries<OptionSpec>({ ...GLOBAL_OPTIONS, ...command.options }).map(
      ([name, spec]) =>
        `'--${name}[${quoted(spec.doc)}]${spec.value === undefined ? '' : `:${spec.value}:_files`}'`,
    );
    return `    ${match}) _arguments ${options.join(' ')} '*:file:_files' ;;`;
  });
  const seconds = [...families(commands)].map(
    ([first, names]) => `    ${first}) [ $CURRENT = 3 ] && { compadd ${names.join(' ')}; return }; ;;`,
  );
  return `#compdef ${PROGRAM}
_${PROGRAM}() {
  local -a commands
  commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  case "$words[2]" in
${seconds.join('\n')}
  esac
  case "$words[2,3] " in
${cases.sort((a, b) => b.indexOf(')') - a.indexOf(')')).join('\n')}
  esac
}
if [ "$funcstack[1]" = "_${PROGRAM}" ]; then _${PROGRAM} "$@"; else compdef _${PROGRAM} ${PROGRAM}; fi
`;
}

function fish(commands: readonly Command[]): string {
  const lines = [
    `# fish completion of ${PROGRAM}: ${PROGRAM} completion fish | source`,
    `complete -c ${PROGRAM} -f`,
  ];
  for (const word of words(commands)) {
    const command = commands.find((c) => c.name === word);
    const doc = quoted(command?.summary ?? word);
    lines.push(`complete -c ${PROGRAM} -n __fish_use_subcommand -a ${word} -d '${doc}'`);
  }
  for (const command of commands) {
    const [first = '', second] = command.name.split(' ');
    const seen = `__fish_seen_subcommand_from ${first}`;
    if (second !== undefined)
      lines.push(`complete -c ${PROGRAM} -n '${seen}' -a ${second} -d '${quoted(command.summary)}'`);
    if (takesFiles(command)) lines.push(`complete -c ${PROGRAM} -n '${seen}' -F`);
    for (const [name, spec] of Object.entries<OptionSpec>(command.options)) {
      const value = spec.type === 'flag' ? '' : ' -r';
      lines.push(`complete -c ${PROGRAM} -n '${seen}' -l ${name}${value} -d '${quoted(spec.doc)}'`);
    }
  }
  for (const [name, spec] of Object.entries<OptionSpec>(GLOBAL_OPTIONS)) {
    lines.push(
      `complete -c ${PROGRAM} -l ${name}${spec.type === 'flag' ? '' : ' -r'} -d '${quoted(spec.doc)}'`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The completion script of a shell, made of the command table. */
export function completionScript(shell: string, commands: readonly Command[]): string {
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return zsh(commands);
    case 'fish':
      return fish(commands);
    default:
      throw usage(`no completion for "${shell}"; there is ${SHELLS.join(', ')}`);
  }
}
