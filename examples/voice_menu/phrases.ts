/**
 * What the callers of the voice menu say: the 14 intents of MInDS-14, four phrasings each.
 *
 * The names are those of MInDS-14 (Gerz et al., 2021), so that a model trained here and one trained
 * there answer with the same labels. The sentences are ours, and short: a clip lasts about a second.
 * Every split draws on all four phrasings; splits differ by voice (`voices.ts`), not by words.
 *
 * @module
 */

/** Label to the phrasings of that intent. */
export const PHRASES: Readonly<Record<string, readonly string[]>> = {
  abroad: ["I'm going abroad", "using my card abroad", "can I pay abroad", "travelling abroad"],
  address: ["change my address", "a new address", "update my address", "my address is wrong"],
  app_error: ["the app crashed", "an app error", "the app has an error", "the app won't open"],
  atm_limit: ["my ATM limit", "a higher ATM limit", "what's the ATM limit", "my new ATM limit"],
  balance: ["check my balance", "what's my balance", "my account balance", "my balance please"],
  business_loan: [
    "a business loan",
    "I need a business loan",
    "business loan please",
    "a loan for my business",
  ],
  card_issues: [
    "my card is broken",
    "a problem with my card",
    "my card doesn't work",
    "my card was declined",
  ],
  cash_deposit: [
    "deposit some cash",
    "a cash deposit",
    "I want to deposit cash",
    "pay in some cash",
  ],
  direct_debit: [
    "a direct debit",
    "cancel my direct debit",
    "set up a direct debit",
    "my direct debit",
  ],
  freeze: ["freeze my card", "please freeze it", "freeze it now", "freeze everything"],
  high_value_payment: [
    "a high value payment",
    "a large payment",
    "make a large payment",
    "a very large payment",
  ],
  joint_account: [
    "a joint account",
    "open a joint account",
    "joint account please",
    "our joint account",
  ],
  latest_transactions: [
    "my latest transactions",
    "recent transactions",
    "show my transactions",
    "the last transactions",
  ],
  pay_bill: ["pay a bill", "pay my bill", "I want to pay a bill", "pay another bill"],
};
