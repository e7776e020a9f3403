//! What was expected where a text could not be read on, in the words of the engine that Zeebe
//! uses. An error lists what was possible where the longest readable beginning ends.

pub(super) const EXPRESSION: &str = "ifOp | forOp | quantifiedOp | disjunction";
pub(super) const EXPRESSION_START: [&str; 4] = ["ifOp", "forOp", "quantifiedOp", "disjunction"];
pub(super) const TESTS_START: [&str; 3] = ["negation", "positiveUnaryTests", "anyInput"];
pub(super) const OPERAND: &[&str] = &[
    "temporal",
    "functionInvocation",
    "variableRef",
    "nullLiteral",
    "boolean",
    "string",
    "number",
    "list",
    "context",
    "inputValue",
    "functionDefinition",
    "\"(\"",
];
pub(super) const AFTER_OPERAND: &[&str] = &["binaryComparison", "between", "instanceOf", "in"];
pub(super) const AFTER_COMPARISON: &[&str] = &["path", "filter", "\"**\"", "[*/]", "[+\\\\-]"];
pub(super) const THEN: &str = "(ifOp | forOp | quantifiedOp | disjunction) ~ \"then\"";
pub(super) const THEN_EXPRESSION: &str = "(ifOp | forOp | quantifiedOp | disjunction) ~ \"then\" ~ (ifOp | forOp | quantifiedOp | disjunction)";
pub(super) const ELSE: &str = "(ifOp | forOp | quantifiedOp | disjunction) ~ \"then\" \
     ~ (ifOp | forOp | quantifiedOp | disjunction) ~ \"else\"";
pub(super) const ELSE_EXPRESSION: &str = "(ifOp | forOp | quantifiedOp | disjunction) ~ \"then\" \
     ~ (ifOp | forOp | quantifiedOp | disjunction) ~ \"else\" ~ (ifOp | forOp | quantifiedOp | disjunction)";
pub(super) const ITERATORS: &str = "listIterator.rep(1)";
pub(super) const RETURN: [&str; 2] = [
    "listIterator.rep(1) ~ \"return\"",
    "listIterator.rep(1) ~ \"return\" ~ (ifOp | forOp | quantifiedOp | disjunction)",
];
pub(super) const SATISFIES: [&str; 2] = [
    "listIterator.rep(1) ~ \"satisfies\"",
    "listIterator.rep(1) ~ \"satisfies\" ~ (ifOp | forOp | quantifiedOp | disjunction)",
];
pub(super) const INDEX_END: &str = "(ifOp | forOp | quantifiedOp | disjunction) ~ \"]\"";
pub(super) const OF: &str = "\"of\"";
pub(super) const TYPE: &str = "\"of\" ~ typeName";
pub(super) const COMMA: &str =
    "\",\" ~ (boolean | unaryComparison | range | ifOp | forOp | quantifiedOp | disjunction)";
pub(super) const SUM: &str = "[+\\\\-] ~ mulDiv";
pub(super) const PRODUCT: &str = "[*/] ~ exponent";
pub(super) const POWER: &str = "\"**\" ~ mathNegation";
pub(super) const AND: &str = "\"and\" ~ (addSub | unaryComparison | range)";
pub(super) const OR: &str = "\"or\" ~ conjunction";
/// What shows only where its operator could have stood.
pub(super) const OPERATORS: [&str; 6] = [AND, OR, SUM, PRODUCT, POWER, COMMA];
pub(super) const NEGATED: &str = "\"(\" ~ positiveUnaryTests";
pub(super) const NEGATED_END: &str = "\"(\" ~ positiveUnaryTests ~ \")\"";
