// What a user is taken to have said where providers want a message and the history has none.

/** Before a history that begins with the agent's own words. */
export const BEFORE = "(The conversation begins.)";
/** After one that ends with them, or where the user's last message is empty. */
export const AFTER = "(Please go on.)";
