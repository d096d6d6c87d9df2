/** The exit codes that all commands have, for the end of a help. */
export const EXIT_CODES = `
Exit codes:
  0    the command did its work
  1    the input or the model is not usable; stderr says why
  2    the command line is wrong
  130  Ctrl-C was pressed
`;
