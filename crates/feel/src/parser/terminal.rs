//! What stands between operators: literals, variables, calls, lists, contexts, functions, and
//! the paths and filters behind them.

use std::sync::Arc;

use super::{Parser, expected};
use crate::ast::{Arguments, Node, NodeId};
use crate::lexer::unescape;
use crate::{Number, Value, builtins, temporal};

/// Functions whose names contain reserved words.
const SPACED_FUNCTIONS: [&str; 5] = [
    "and",
    "or",
    "date and time",
    "years and months duration",
    "get or else",
];

impl<'t> Parser<'t> {
    /// A terminal with any number of paths and filters.
    pub(super) fn value(&mut self) -> Option<NodeId> {
        let mut node = self.terminal()?;
        loop {
            let next = self
                .attempt(|p| p.path(node))
                .or_else(|| self.attempt(|p| p.filter(node)));
            match next {
                Some(next) => node = next,
                None => return Some(node),
            }
        }
    }

    fn path(&mut self, of: NodeId) -> Option<NodeId> {
        self.lexer.symbol(".")?;
        let key = self.property_name()?.into();
        Some(self.push(Node::Path { of, key }))
    }

    fn filter(&mut self, list: NodeId) -> Option<NodeId> {
        self.lexer.symbol("[")?;
        self.lexer.skip_space();
        let start = self.lexer.at;
        let filter = self.expression();
        let filter = self.or_begun(filter, start, expected::EXPRESSION)?.node;
        let end = self.lexer.symbol("]");
        self.or_begun(end, start, expected::INDEX_END)?;
        Some(self.push(Node::Filter { list, filter }))
    }

    fn terminal(&mut self) -> Option<NodeId> {
        self.lexer.skip_space();
        self.attempt(Self::temporal)
            .or_else(|| self.attempt(Self::call))
            .or_else(|| self.attempt(Self::variable))
            .or_else(|| self.attempt(Self::literal))
            .or_else(|| self.attempt(Self::input))
            .or_else(|| self.attempt(Self::function))
            .or_else(|| self.parenthesized())
    }

    fn parenthesized(&mut self) -> Option<NodeId> {
        self.lexer.symbol("(")?;
        let inner = self.expression()?.node;
        self.lexer.symbol(")")?;
        Some(inner)
    }

    /// A date, time or duration whose text is given: read now, null if it is none.
    fn temporal(&mut self) -> Option<NodeId> {
        type Read = fn(&str) -> Option<Value>;
        const KINDS: [(&str, Read); 4] = [
            ("duration", temporal::duration),
            ("date and time", |text| {
                temporal::date_time(text).map(Value::from)
            }),
            ("date", |text| temporal::date(text).map(Value::Date)),
            ("time", |text| temporal::time(text).map(Value::from)),
        ];
        let value = match self.lexer.exactly("@") {
            Some(()) => {
                self.lexer.skip_space();
                temporal::literal(self.lexer.quoted()?)
            }
            None => {
                let read = self.lexer.one_of(&KINDS)?;
                self.lexer.symbol("(")?;
                self.lexer.skip_space();
                let text = self.lexer.quoted()?;
                self.lexer.symbol(")")?;
                read(text)
            }
        };
        Some(self.push(Node::Literal(value.unwrap_or(Value::Null))))
    }

    fn variable(&mut self) -> Option<NodeId> {
        let names = self.qualified_name()?;
        let (name, path) = names.split_first().expect("there is at least one");
        let path = path.iter().map(|&key| key.into()).collect();
        Some(self.push(Node::Variable {
            name: (*name).into(),
            path,
        }))
    }

    fn input(&mut self) -> Option<NodeId> {
        self.lexer.symbol("?")?;
        Some(self.push(Node::Input))
    }

    fn literal(&mut self) -> Option<NodeId> {
        let words = [
            ("null", Value::Null),
            ("true", true.into()),
            ("false", false.into()),
        ];
        for (word, value) in words {
            if self.lexer.exactly(word).is_some() {
                return Some(self.push(Node::Literal(value)));
            }
        }
        if let Some(text) = self.attempt(|p| p.lexer.quoted()) {
            return Some(self.push(Node::Literal(unescape(text).into())));
        }
        if let Some(number) = self.attempt(|p| p.lexer.number()) {
            let number = Number::parse(number)?;
            return Some(self.push(Node::Literal(number.into())));
        }
        self.attempt(Self::list).or_else(|| self.context())
    }

    fn list(&mut self) -> Option<NodeId> {
        self.lexer.symbol("[")?;
        let items = self
            .attempt(|p| p.list_of(Self::expression))
            .unwrap_or_default();
        self.lexer.symbol("]")?;
        let items = items.iter().map(|item| item.node).collect();
        Some(self.push(Node::List(items)))
    }

    fn context(&mut self) -> Option<NodeId> {
        self.lexer.symbol("{")?;
        let entries = self.attempt(|p| p.list_of(Self::entry)).unwrap_or_default();
        self.lexer.symbol("}")?;
        Some(self.push(Node::Context(entries.into())))
    }

    fn entry(&mut self) -> Option<(Arc<str>, NodeId)> {
        self.lexer.skip_space();
        let key = (self.attempt(|p| p.lexer.context_key()))
            .or_else(|| self.name())
            .or_else(|| self.lexer.quoted())?;
        self.lexer.symbol(":")?;
        Some((key.into(), self.expression()?.node))
    }

    fn function(&mut self) -> Option<NodeId> {
        self.lexer.symbol("function")?;
        self.lexer.symbol("(")?;
        let parameters = self
            .attempt(|p| p.list_of(Self::parameter_name))
            .unwrap_or_default();
        self.lexer.symbol(")")?;
        if self.attempt(Self::external_body).is_some() {
            self.external_function = true;
            return Some(self.push(Node::Literal(Value::Null)));
        }
        let body = self.expression()?.node;
        let parameters = parameters.iter().map(|&name| name.into()).collect();
        Some(self.push(Node::Function { parameters, body }))
    }

    /// `external {java: {class: "..", method signature: "m(a, b)"}}`: read, to be refused.
    fn external_body(&mut self) -> Option<()> {
        for symbol in ["external", "{", "java", ":", "{", "class", ":"] {
            self.lexer.symbol(symbol)?;
        }
        self.lexer.skip_space();
        self.lexer.quoted()?;
        for symbol in [",", "method signature", ":"] {
            self.lexer.symbol(symbol)?;
        }
        self.lexer.skip_space();
        self.lexer.quoted()?;
        self.lexer.symbol("}")?;
        self.lexer.symbol("}")
    }

    fn parameter_name(&mut self) -> Option<&'t str> {
        self.lexer.skip_space();
        self.attempt(|p| p.lexer.spaced_identifier())
            .or_else(|| self.name())
    }

    fn call(&mut self) -> Option<NodeId> {
        let spaced = self.attempt(|p| p.lexer.spaced_identifier()).or_else(|| {
            SPACED_FUNCTIONS
                .into_iter()
                .find(|name| self.lexer.exactly(name).is_some())
        });
        let names = match spaced {
            Some(name) => vec![name],
            None => self.qualified_name()?,
        };
        self.lexer.symbol("(")?;
        let arguments = (self.attempt(Self::named_arguments))
            .or_else(|| self.attempt(Self::positional_arguments))
            .unwrap_or_else(|| Arguments::Positional(Box::default()));
        self.lexer.symbol(")")?;

        let (name, path) = names.split_last().expect("there is at least one");
        let name: Arc<str> = (*name).into();
        let Some((variable, path)) = path.split_first() else {
            let builtin = builtins::find(&name, &arguments);
            return Some(self.push(Node::Call {
                name,
                arguments,
                builtin,
            }));
        };
        let path = path.iter().map(|&key| key.into()).collect();
        let context = self.push(Node::Variable {
            name: (*variable).into(),
            path,
        });
        Some(self.push(Node::CallIn {
            context,
            name,
            arguments,
        }))
    }

    /// Of two arguments of one name the last counts.
    fn named_arguments(&mut self) -> Option<Arguments> {
        let given = self.list_of(|p| {
            let name: Arc<str> = p.parameter_name()?.into();
            p.lexer.symbol(":")?;
            Some((name, p.argument()?))
        })?;
        let mut arguments: Vec<(Arc<str>, NodeId)> = Vec::new();
        for (name, node) in given {
            match arguments.iter_mut().find(|(n, _)| *n == name) {
                Some(known) => known.1 = node,
                None => arguments.push((name, node)),
            }
        }
        Some(Arguments::Named(arguments.into()))
    }

    fn positional_arguments(&mut self) -> Option<Arguments> {
        Some(Arguments::Positional(self.list_of(Self::argument)?.into()))
    }

    fn argument(&mut self) -> Option<NodeId> {
        if let Some(range) = self.attempt(Self::range) {
            return Some(self.push(Node::Range(range)));
        }
        Some(self.expression()?.node)
    }
}
