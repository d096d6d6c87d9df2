import { UserError } from "../node/user-error.ts";

/** An option is wrong, or two do not go together. The program ends with 2, as for an unknown option. */
export class UsageError extends UserError {}
