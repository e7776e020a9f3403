//! Text to tree: the grammar, by recursive descent, with binding powers for the arithmetic
//! operators.
//!
//! It is an ordered one: where an alternative fails, the next is tried from the same place, and
//! an operator whose right side fails is left to whoever comes next. What can be read from a
//! place is kept, so that trying again costs nothing and a hostile text takes linear time.
//! Nesting is bounded by [`MAX_DEPTH`].

mod expected;
mod terminal;
mod unary_tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ParseError;
use crate::ast::{ArithmeticOp, Ast, Binding, Comparison, Node, NodeId};
use crate::lexer::Lexer;

/// How deep rules may nest: a pair of parentheses takes two of it, an `else if` one.
const MAX_DEPTH: u32 = 400;

/// A tree and its root.
pub(crate) struct Tree {
    pub(crate) ast: Ast,
    pub(crate) root: NodeId,
}

pub(crate) fn parse_expression(text: &str) -> Result<Tree, ParseError> {
    Parser::new(text).whole(Parser::expression, &expected::EXPRESSION_START)
}

pub(crate) fn parse_unary_tests(text: &str) -> Result<Tree, ParseError> {
    Parser::new(text).whole(Parser::unary_tests, &expected::TESTS_START)
}

struct Parser<'t> {
    text: &'t str,
    lexer: Lexer<'t>,
    ast: Ast,
    known: BTreeMap<(Rule, usize), Option<(Parsed, usize)>>,
    /// Where something was begun that failed later, and what.
    begun: Vec<(usize, &'static str)>,
    depth: u32,
    too_deep: bool,
    external_function: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    Expression,
    Arithmetic,
}

#[derive(Clone, Copy)]
struct Parsed {
    node: NodeId,
    /// What could have gone on at its end, for an error there.
    tail: &'static [&'static str],
    /// Whether `and` and `or` could have, too.
    joins: bool,
    /// Whether a comma could have, too.
    lists: bool,
}

impl Parsed {
    fn new(node: NodeId, tail: &'static [&'static str]) -> Self {
        Parsed {
            node,
            tail,
            joins: false,
            lists: false,
        }
    }
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Parser {
            text,
            lexer: Lexer::new(text),
            ast: Ast::default(),
            known: BTreeMap::new(),
            begun: Vec::new(),
            depth: 0,
            too_deep: false,
            external_function: false,
        }
    }

    /// The whole text as one thing.
    fn whole(
        mut self,
        rule: fn(&mut Self) -> Option<Parsed>,
        start: &[&'static str],
    ) -> Result<Tree, ParseError> {
        self.lexer.skip_space();
        let first = self.lexer.at;
        let parsed = self.attempt(rule);
        self.lexer.skip_space();
        if self.lexer.unclosed_comment {
            return Err(ParseError::expected(
                self.text,
                &["\"*/\""],
                self.text.len(),
            ));
        }
        if self.too_deep {
            let reason = "it is nested too deeply; move parts of it into variables";
            return Err(ParseError::refused(self.text, reason));
        }
        let Some(parsed) = parsed else {
            let mut alternatives = start.to_vec();
            if first == 0 {
                alternatives.insert(0, "start-of-input");
            }
            return Err(ParseError::expected(self.text, &alternatives, first));
        };
        if !self.lexer.is_at_end() {
            return Err(self.unexpected(parsed));
        }
        if self.external_function {
            let reason = "External functions are disabled.";
            return Err(ParseError::invalid(self.text, reason));
        }
        Ok(Tree {
            ast: self.ast,
            root: parsed.node,
        })
    }

    /// The error for what follows something complete: what had begun there, and what could have.
    fn unexpected(&self, parsed: Parsed) -> ParseError {
        let at = self.lexer.at;
        let mut possible = parsed.tail.to_vec();
        if parsed.joins {
            possible.extend(["\"and\"", "\"or\""]);
        }
        if parsed.lists {
            possible.push("\",\"");
        }
        possible.push("end-of-input");
        let mut begun: Vec<&str> = Vec::new();
        for (place, what) in &self.begun {
            if *place == at && !begun.contains(what) {
                begun.push(what);
            }
        }
        let goes_on = |what: &str, alternative: &str| {
            what.strip_prefix(alternative)
                .is_some_and(|rest| rest.starts_with(" ~ "))
        };
        let in_full = |alternative: &&'static str| {
            begun
                .iter()
                .copied()
                .find(|what| goes_on(what, alternative))
                .unwrap_or(alternative)
        };
        let listed: Vec<&str> = possible.iter().map(in_full).collect();
        begun.retain(|what| !listed.contains(what) && !expected::OPERATORS.contains(what));
        ParseError::expected(self.text, &[begun, listed].concat(), at)
    }

    // ---- helpers ----

    /// Runs a rule, and goes back to where it started if it fails.
    fn attempt<T>(&mut self, rule: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.lexer.at;
        let result = rule(self);
        if result.is_none() {
            self.lexer.at = start;
        }
        result
    }

    /// Notes that what began at `place` failed before it was complete.
    fn or_begun<T>(&mut self, result: Option<T>, place: usize, what: &'static str) -> Option<T> {
        if result.is_none() {
            self.begun.push((place, what));
        }
        result
    }

    /// One or more of something, with commas between.
    fn list_of<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = vec![item(self)?];
        while let Some(next) = self.attempt(|p| {
            p.lexer.skip_space();
            let start = p.lexer.at;
            p.lexer.exactly(",")?;
            let next = item(p);
            p.or_begun(next, start, expected::COMMA)
        }) {
            items.push(next);
        }
        Some(items)
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.ast.push(node)
    }

    /// What a rule gives at this place: tried once, and only so deep.
    fn remembered(&mut self, rule: Rule, read: fn(&mut Self) -> Option<Parsed>) -> Option<Parsed> {
        self.lexer.skip_space();
        let key = (rule, self.lexer.at);
        if let Some(known) = self.known.get(&key) {
            let (parsed, end) = (*known)?;
            self.lexer.at = end;
            return Some(parsed);
        }
        if self.depth == MAX_DEPTH || self.too_deep {
            self.too_deep = true;
            return None;
        }
        self.depth += 1;
        let parsed = read(self);
        self.depth -= 1;
        self.known
            .insert(key, parsed.map(|parsed| (parsed, self.lexer.at)));
        parsed
    }

    // ---- expressions, from the weakest binding to the strongest ----

    fn expression(&mut self) -> Option<Parsed> {
        self.remembered(Rule::Expression, |p| {
            p.attempt(Self::if_expression)
                .or_else(|| p.attempt(Self::for_expression))
                .or_else(|| p.attempt(Self::quantified))
                .or_else(|| p.disjunction())
        })
    }

    fn if_expression(&mut self) -> Option<Parsed> {
        self.lexer.symbol("if")?;
        self.lexer.skip_space();
        let start = self.lexer.at;
        let condition = self.expression();
        let condition = self.or_begun(condition, start, expected::EXPRESSION)?.node;
        let then = self.lexer.symbol("then");
        self.or_begun(then, start, expected::THEN)?;
        let then = self.expression();
        let then = self.or_begun(then, start, expected::THEN_EXPRESSION)?.node;
        let otherwise = self.lexer.symbol("else");
        self.or_begun(otherwise, start, expected::ELSE)?;
        let otherwise = self.expression();
        let otherwise = self.or_begun(otherwise, start, expected::ELSE_EXPRESSION)?;
        let node = self.push(Node::If {
            condition,
            then,
            otherwise: otherwise.node,
        });
        Some(Parsed { node, ..otherwise })
    }

    fn for_expression(&mut self) -> Option<Parsed> {
        self.lexer.symbol("for")?;
        let (iterators, body) = self.iteration("return", expected::RETURN)?;
        let node = self.push(Node::For {
            iterators,
            body: body.node,
        });
        Some(Parsed { node, ..body })
    }

    fn quantified(&mut self) -> Option<Parsed> {
        let every = self.lexer.one_of(&[("some", false), ("every", true)])?;
        let (iterators, body) = self.iteration("satisfies", expected::SATISFIES)?;
        let condition = body.node;
        let node = self.push(if every {
            Node::Every {
                iterators,
                condition,
            }
        } else {
            Node::Some {
                iterators,
                condition,
            }
        });
        Some(Parsed { node, ..body })
    }

    fn iteration(
        &mut self,
        keyword: &str,
        [at_keyword, at_body]: [&'static str; 2],
    ) -> Option<(Box<[Binding]>, Parsed)> {
        self.lexer.skip_space();
        let start = self.lexer.at;
        let iterators = self.list_of(Self::iterator);
        let iterators = self.or_begun(iterators, start, expected::ITERATORS)?;
        let found = self.lexer.symbol(keyword);
        self.or_begun(found, start, at_keyword)?;
        let body = self.expression();
        let body = self.or_begun(body, start, at_body)?;
        Some((iterators.into(), body))
    }

    fn iterator(&mut self) -> Option<Binding> {
        self.lexer.skip_space();
        let name = self.name()?.into();
        self.lexer.symbol("in")?;
        let over = self.attempt(Self::series).or_else(|| self.value())?;
        Some(Binding { name, over })
    }

    fn series(&mut self) -> Option<NodeId> {
        let from = self.arithmetic()?.node;
        self.lexer.symbol("..")?;
        let to = self.arithmetic()?.node;
        Some(self.push(Node::Series { from, to }))
    }

    fn disjunction(&mut self) -> Option<Parsed> {
        self.chain("or", Self::conjunction, expected::OR, Node::Any)
    }

    fn conjunction(&mut self) -> Option<Parsed> {
        self.chain("and", Self::comparison, expected::AND, Node::All)
    }

    fn chain(
        &mut self,
        operator: &str,
        operand: fn(&mut Self) -> Option<Parsed>,
        when_begun: &'static str,
        node: fn(Box<[NodeId]>) -> Node,
    ) -> Option<Parsed> {
        let mut last = operand(self)?;
        let mut operands = vec![last.node];
        while let Some(next) = self.attempt(|p| {
            p.lexer.skip_space();
            let start = p.lexer.at;
            p.lexer.exactly(operator)?;
            let next = operand(p);
            p.or_begun(next, start, when_begun)
        }) {
            operands.push(next.node);
            last = next;
        }
        if operands.len() > 1 {
            last.node = self.push(node(operands.into()));
        }
        Some(Parsed {
            joins: true,
            ..last
        })
    }

    fn comparison(&mut self) -> Option<Parsed> {
        let Some(left) = self.attempt(Self::arithmetic) else {
            return self.simple_test();
        };
        let left = left.node;
        self.attempt(|p| p.binary_comparison(left))
            .or_else(|| self.attempt(|p| p.between(left)))
            .or_else(|| self.attempt(|p| p.instance_of(left)))
            .or_else(|| self.attempt(|p| p.in_tests(left)))
            .or(Some(Parsed::new(left, expected::AFTER_OPERAND)))
    }

    fn binary_comparison(&mut self, left: NodeId) -> Option<Parsed> {
        let (op, negated) = self.lexer.one_of(&[
            ("<=", (Comparison::LessOrEqual, false)),
            (">=", (Comparison::GreaterOrEqual, false)),
            ("<", (Comparison::Less, false)),
            (">", (Comparison::Greater, false)),
            ("!=", (Comparison::Equal, true)),
            ("=", (Comparison::Equal, false)),
        ])?;
        let right = self.arithmetic()?.node;
        let mut node = self.push(Node::Compare { op, left, right });
        if negated {
            node = self.push(Node::Not(node));
        }
        Some(Parsed::new(node, expected::AFTER_COMPARISON))
    }

    fn between(&mut self, value: NodeId) -> Option<Parsed> {
        self.lexer.symbol("between")?;
        let low = self.arithmetic()?.node;
        self.lexer.symbol("and")?;
        let high = self.arithmetic()?.node;
        let op = Comparison::GreaterOrEqual;
        let above = self.push(Node::Compare {
            op,
            left: value,
            right: low,
        });
        let op = Comparison::LessOrEqual;
        let below = self.push(Node::Compare {
            op,
            left: value,
            right: high,
        });
        let node = self.push(Node::All([above, below].into()));
        Some(Parsed::new(node, expected::AFTER_COMPARISON))
    }

    fn instance_of(&mut self, value: NodeId) -> Option<Parsed> {
        self.lexer.symbol("instance")?;
        self.lexer.skip_space();
        let start = self.lexer.at;
        let of = self.lexer.exactly("of");
        self.or_begun(of, start, expected::OF)?;
        let type_name = self.type_name();
        let (type_name, tail) = self.or_begun(type_name, start, expected::TYPE)?;
        let node = self.push(Node::InstanceOf { value, type_name });
        Some(Parsed::new(node, tail))
    }

    /// A type, and what could go on with it.
    fn type_name(&mut self) -> Option<(Arc<str>, &'static [&'static str])> {
        const SPACED: [&str; 4] = [
            "years and months duration",
            "days and time duration",
            "date and time",
            "function",
        ];
        self.lexer.skip_space();
        for name in SPACED {
            if self.lexer.exactly(name).is_some() {
                return Some((name.into(), &[]));
            }
        }
        Some((self.qualified_name()?.join(".").into(), &["\".\""]))
    }

    fn in_tests(&mut self, value: NodeId) -> Option<Parsed> {
        self.lexer.symbol("in")?;
        let several = self.attempt(|p| {
            p.lexer.symbol("(")?;
            let tests = p.positive_tests()?;
            p.lexer.symbol(")")?;
            Some(Parsed::new(tests.node, &[]))
        });
        let test = several.or_else(|| self.positive_test())?;
        let node = self.push(Node::In {
            value,
            test: test.node,
        });
        Some(Parsed { node, ..test })
    }

    // ---- arithmetic ----

    fn arithmetic(&mut self) -> Option<Parsed> {
        self.remembered(Rule::Arithmetic, |p| {
            let node = p.operators(0)?;
            Some(Parsed::new(node, expected::AFTER_OPERAND))
        })
    }

    /// Operators that bind at least so strongly. All of one power make one chain, which
    /// evaluates from left to right (also `**`).
    fn operators(&mut self, least: u8) -> Option<NodeId> {
        let mut first = self.negation()?;
        let mut chain: Vec<(ArithmeticOp, NodeId)> = Vec::new();
        let mut chain_power = 0;
        while let Some((op, power, right)) = self.attempt(|p| {
            p.lexer.skip_space();
            let start = p.lexer.at;
            let (op, power, begun) = p.operator().filter(|(_, power, _)| *power >= least)?;
            let right = p.operators(power + 1);
            Some((op, power, p.or_begun(right, start, begun)?))
        }) {
            if power != chain_power && !chain.is_empty() {
                let rest = std::mem::take(&mut chain).into();
                first = self.push(Node::Arithmetic { first, rest });
            }
            chain_power = power;
            chain.push((op, right));
        }
        if chain.is_empty() {
            return Some(first);
        }
        Some(self.push(Node::Arithmetic {
            first,
            rest: chain.into(),
        }))
    }

    /// An operator, how strongly it binds, and what it is called with its right side.
    fn operator(&mut self) -> Option<(ArithmeticOp, u8, &'static str)> {
        self.lexer.one_of(&[
            ("+", (ArithmeticOp::Add, 0, expected::SUM)),
            ("-", (ArithmeticOp::Subtract, 0, expected::SUM)),
            ("**", (ArithmeticOp::Power, 2, expected::POWER)),
            ("*", (ArithmeticOp::Multiply, 1, expected::PRODUCT)),
            ("/", (ArithmeticOp::Divide, 1, expected::PRODUCT)),
        ])
    }

    /// A minus binds more strongly than any operator: `-2 ** 2` is 4.
    fn negation(&mut self) -> Option<NodeId> {
        if self.lexer.symbol("-").is_none() {
            return self.value();
        }
        let value = self.value()?;
        if let Node::Literal(crate::Value::Number(number)) = &self.ast[value] {
            let negated = number.neg();
            return Some(self.push(Node::Literal(negated.into())));
        }
        Some(self.push(Node::Negate(value)))
    }

    // ---- names ----

    fn name(&mut self) -> Option<&'t str> {
        self.lexer
            .identifier()
            .or_else(|| self.attempt(|p| p.lexer.escaped_identifier()))
    }

    /// A name, or the one property with a space in its name.
    fn property_name(&mut self) -> Option<&'t str> {
        self.lexer.skip_space();
        match self.lexer.exactly("time offset") {
            Some(()) => Some("time offset"),
            None => self.name(),
        }
    }

    /// One or more names with points between.
    fn qualified_name(&mut self) -> Option<Vec<&'t str>> {
        let mut names = vec![self.property_name()?];
        while let Some(name) = self.attempt(|p| {
            p.lexer.symbol(".")?;
            p.property_name()
        }) {
            names.push(name);
        }
        Some(names)
    }
}
