//! Tests of an input: whole, as in the cells of decision tables, and after `in`.

use super::{Parsed, Parser, expected};
use crate::ast::{Comparison, Node, RangeNode, Test};

impl Parser<'_> {
    pub(super) fn unary_tests(&mut self) -> Option<Parsed> {
        self.attempt(Self::negated_tests)
            .or_else(|| self.attempt(Self::positive_tests))
            .or_else(|| self.any_input())
    }

    fn negated_tests(&mut self) -> Option<Parsed> {
        self.lexer.symbol("not")?;
        self.lexer.skip_space();
        let start = self.lexer.at;
        self.lexer.exactly("(")?;
        let tests = self.positive_tests();
        let tests = self.or_begun(tests, start, expected::NEGATED)?;
        let end = self.lexer.symbol(")");
        self.or_begun(end, start, expected::NEGATED_END)?;
        let node = self.push(Node::Not(tests.node));
        Some(Parsed::new(node, &[]))
    }

    pub(super) fn positive_tests(&mut self) -> Option<Parsed> {
        let tests = self.list_of(Self::positive_test)?;
        let mut last = *tests.last().expect("there is at least one");
        if tests.len() > 1 {
            let tests = tests.iter().map(|test| test.node).collect();
            last.node = self.push(Node::Test(Test::AnyOf(tests)));
        }
        Some(Parsed {
            lists: true,
            ..last
        })
    }

    /// `true` and `false` as a whole text are compared with the input; anywhere else they are
    /// expressions.
    pub(super) fn positive_test(&mut self) -> Option<Parsed> {
        let boolean = self.attempt(|p| {
            let boolean = p.lexer.one_of(&[("true", true), ("false", false)])?;
            p.lexer.skip_space();
            p.lexer.is_at_end().then_some(boolean)
        });
        if let Some(boolean) = boolean {
            let literal = self.push(Node::Literal(boolean.into()));
            let node = self.push(Node::Test(Test::Compare(Comparison::Equal, literal)));
            return Some(Parsed::new(node, &[]));
        }
        if let Some(test) = self.attempt(Self::simple_test) {
            return Some(test);
        }
        let expression = self.expression()?;
        let node = self.push(Node::Test(Test::Expression(expression.node)));
        Some(Parsed { node, ..expression })
    }

    fn any_input(&mut self) -> Option<Parsed> {
        self.lexer.symbol("-")?;
        let node = self.push(Node::Literal(true.into()));
        Some(Parsed::new(node, expected::OPERAND))
    }

    pub(super) fn simple_test(&mut self) -> Option<Parsed> {
        if let Some(parsed) = self.attempt(Self::unary_comparison) {
            return Some(parsed);
        }
        let range = self.range()?;
        let node = self.push(Node::Test(Test::InRange(range)));
        Some(Parsed::new(node, &[]))
    }

    fn unary_comparison(&mut self) -> Option<Parsed> {
        let op = self.lexer.one_of(&[
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ])?;
        let right = self.arithmetic()?.node;
        let node = self.push(Node::Test(Test::Compare(op, right)));
        Some(Parsed::new(node, expected::AFTER_COMPARISON))
    }

    pub(super) fn range(&mut self) -> Option<RangeNode> {
        let start_included = self
            .lexer
            .one_of(&[("(", false), ("]", false), ("[", true)])?;
        let start = self.arithmetic()?.node;
        self.lexer.symbol("..")?;
        let end = self.arithmetic()?.node;
        let end_included = self
            .lexer
            .one_of(&[(")", false), ("[", false), ("]", true)])?;
        Some(RangeNode {
            start,
            start_included,
            end,
            end_included,
        })
    }
}
