//! Expressions of workflow files, `${{ .. }}`: parsed when the file is read, evaluated for an event.
//!
//! What GitHub allows in `concurrency` and `run-name`: literals, contexts with properties and
//! indexes, `!`, comparisons, `&&`, `||`, parentheses and the functions of [`call`]. Names,
//! properties and comparisons of texts don't mind case, as on GitHub. Deliberately absent: the
//! `*` filter, `hashFiles` and the status functions, which have no meaning before a job runs.

mod parse;

use serde_json::Value;

/// A text with expressions in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Expression(Expression),
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Literal(Value),
    Context(String),
    Index(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    Call(Function, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Contains,
    StartsWith,
    EndsWith,
    Format,
    Join,
    ToJson,
    FromJson,
}

/// Why a text is no template; says what was found, and what could stand there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Template {
    /// Reads a text; what stands outside of `${{ }}` is taken as it is.
    ///
    /// # Errors
    /// An expression that is not closed or not one.
    pub fn parse(text: &str) -> Result<Template, Error> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("${{") {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (expression, left) = parse::expression(after)?;
            parts.push(Part::Expression(expression));
            rest = left;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Template(parts))
    }

    /// The value for these contexts, an object with a property for each: of a template that is
    /// one expression its own value, else a text.
    #[must_use]
    pub fn evaluate(&self, contexts: &Value) -> Value {
        match &self.0[..] {
            [Part::Expression(one)] => evaluate(one, contexts),
            parts => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.clone(),
                    Part::Expression(one) => text(&evaluate(one, contexts)),
                })
                .collect::<String>()
                .into(),
        }
    }

    /// The value as a text: null is empty.
    #[must_use]
    pub fn render(&self, contexts: &Value) -> String {
        text(&self.evaluate(contexts))
    }
}

/// Whether a value counts as true.
#[must_use]
pub fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64().is_some_and(|n| n != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

fn evaluate(expression: &Expression, contexts: &Value) -> Value {
    match expression {
        Expression::Literal(value) => value.clone(),
        Expression::Context(name) => property(contexts, name),
        Expression::Index(of, at) => {
            let of = evaluate(of, contexts);
            match evaluate(at, contexts) {
                Value::String(name) => property(&of, &name),
                Value::Number(at) => at
                    .as_u64()
                    .and_then(|at| of.get(usize::try_from(at).ok()?).cloned())
                    .unwrap_or_default(),
                _ => Value::Null,
            }
        }
        Expression::Not(one) => (!is_truthy(&evaluate(one, contexts))).into(),
        Expression::Binary(operator, left, right) => {
            let left = evaluate(left, contexts);
            let right = || evaluate(right, contexts);
            match operator {
                Operator::Or if is_truthy(&left) => left,
                Operator::And if !is_truthy(&left) => left,
                Operator::Or | Operator::And => right(),
                Operator::Equal => are_equal(&left, &right()).into(),
                Operator::NotEqual => (!are_equal(&left, &right())).into(),
                Operator::Less => order(&left, &right()).is_some_and(|o| o.is_lt()).into(),
                Operator::LessOrEqual => order(&left, &right()).is_some_and(|o| o.is_le()).into(),
                Operator::Greater => order(&left, &right()).is_some_and(|o| o.is_gt()).into(),
                Operator::GreaterOrEqual => {
                    order(&left, &right()).is_some_and(|o| o.is_ge()).into()
                }
            }
        }
        Expression::Call(function, arguments) => {
            let arguments: Vec<_> = arguments.iter().map(|a| evaluate(a, contexts)).collect();
            call(*function, &arguments)
        }
    }
}

/// The parser has checked the number of arguments.
fn call(function: Function, arguments: &[Value]) -> Value {
    let lower = |at: usize| text(&arguments[at]).to_lowercase();
    match function {
        Function::Contains => match &arguments[0] {
            Value::Array(items) => items.iter().any(|i| are_equal(i, &arguments[1])).into(),
            _ => lower(0).contains(&lower(1)).into(),
        },
        Function::StartsWith => lower(0).starts_with(&lower(1)).into(),
        Function::EndsWith => lower(0).ends_with(&lower(1)).into(),
        Function::Format => format(&text(&arguments[0]), &arguments[1..]).into(),
        Function::Join => {
            let separator = arguments.get(1).map_or_else(|| ",".to_owned(), text);
            match &arguments[0] {
                Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(&separator),
                other => text(other),
            }
            .into()
        }
        Function::ToJson => serde_json::to_string_pretty(&arguments[0])
            .unwrap_or_default()
            .into(),
        Function::FromJson => serde_json::from_str(&text(&arguments[0])).unwrap_or_default(),
    }
}

/// `{0}` is the first argument, `{{` and `}}` are braces; what fits none of these stays.
fn format(pattern: &str, arguments: &[Value]) -> String {
    let (mut out, mut rest) = (String::new(), pattern);
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let argument = rest[1..].split_once('}').and_then(|(number, after)| {
            let argument = arguments.get(number.parse::<usize>().ok()?)?;
            rest.starts_with('{').then_some((text(argument), after))
        });
        let doubled = rest.starts_with("{{") || rest.starts_with("}}");
        match argument {
            _ if doubled => {
                out.push_str(&rest[..1]);
                rest = &rest[2..];
            }
            Some((argument, after)) => {
                out.push_str(&argument);
                rest = after;
            }
            None => {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

fn property(of: &Value, name: &str) -> Value {
    let Value::Object(map) = of else {
        return Value::Null;
    };
    let found = map.get(name).or_else(|| {
        let mut all = map.iter();
        all.find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    });
    found.cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(_) => "Array".to_owned(),
        Value::Object(_) => "Object".to_owned(),
    }
}

fn are_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.to_lowercase() == right.to_lowercase(),
        // Two of these are equal on GitHub only if they are the same one.
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => false,
        _ => number(left) == number(right),
    }
}

fn order(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            Some(left.to_lowercase().cmp(&right.to_lowercase()))
        }
        _ => number(left).partial_cmp(&number(right)),
    }
}

/// As GitHub coerces: null is 0, a text what it says, anything else no number.
fn number(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) if text.trim().is_empty() => 0.0,
        Value::String(text) => text.trim().parse().unwrap_or(f64::NAN),
        Value::Array(_) | Value::Object(_) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn renders(template: &str, expected: &str) {
        let contexts = json!({
            "github": {
                "workflow": "Inventory",
                "ref": "refs/heads/main",
                "run_id": 7,
                "event": {"action": "restock_item", "client_payload": {
                    "_id": "o-1", "n": 2, "list": ["a", "B"], "map": {"x-y": true},
                    "bad": "$(touch pwned) ${{ github.ref }}",
                }},
            },
            "inputs": {"order_id": "", "parallel": false, "n": 3},
        });
        let rendered = Template::parse(template).unwrap().render(&contexts);
        assert_eq!(rendered, expected, "{template}");
    }

    #[test]
    fn values_and_operators() {
        renders("plain", "plain");
        renders("a-${{ github.event.client_payload._id }}-b", "a-o-1-b");
        renders(
            "${{github.event.action}}${{ GitHub.Workflow }}",
            "restock_itemInventory",
        );
        renders("${{ github.event.client_payload.none.more }}", "");
        renders("${{ github.event.client_payload['map']['x-y'] }}", "true");
        renders("${{ github.event.client_payload.list[1] }}", "B");
        renders("${{ inputs.order_id || github.run_id }}", "7");
        renders(
            "${{ inputs.parallel && 'p' || 'it''s }} one' }}",
            "it's }} one",
        );
        renders("${{ !inputs.parallel }}", "true");
        renders("${{ (inputs.n >= 3 && inputs.n < 4.5) == true }}", "true");
        renders("${{ github.workflow != 'INVENTORY' }}", "false");
        renders(
            "${{ null == 0 }}${{ '2' == github.event.client_payload.n }}",
            "truetrue",
        );
        renders(
            "${{ github.event.client_payload.list == github.event.client_payload.list }}",
            "false",
        );
        renders("${{ 0x1F }} ${{ -2 }}", "31 -2");
        // What an event brings is data, never an expression.
        renders(
            "${{ github.event.client_payload.bad }}",
            "$(touch pwned) ${{ github.ref }}",
        );
    }

    #[test]
    fn functions() {
        renders(
            "${{ format('{0}/{1} {{0}} {9}', github.ref, inputs.n) }}",
            "refs/heads/main/3 {0} {9}",
        );
        renders(
            "${{ contains(github.event.client_payload.list, 'b') }}",
            "true",
        );
        renders(
            "${{ startsWith(github.ref, 'REFS/') && endsWith(github.ref, 'n') }}",
            "true",
        );
        renders("${{ join(github.event.client_payload.list, '+') }}", "a+B");
        renders("${{ fromJSON('[1,2]')[1] }}${{ toJSON('x') }}", "2\"x\"");
        renders("${{ fromJSON('[') }}", "");
    }

    #[test]
    fn mistakes_are_named() {
        for (bad, says) in [
            ("${{ github.ref", "not closed"),
            ("${{ }}", "is empty"),
            ("${{ 'open }}", "not closed"),
            ("${{ github. }}", "a name after"),
            ("${{ hashFiles('x') }}", "'hashFiles'"),
            ("${{ format() }}", "'format' takes"),
            ("${{ secrets.X }}", "'secrets'"),
            ("${{ github.ref github.ref }}", "'github'"),
            ("${{ github.event.* }}", "'*'"),
            ("${{ \"x\" }}", "'\"'"),
        ] {
            let error = Template::parse(bad).unwrap_err().to_string();
            assert!(error.contains(says), "{bad}: {error}");
        }
    }
}
