//! Lists and contexts: made, gone through, filtered.

use std::sync::Arc;

use super::{Answer, Evaluator, Fault, or_null};
use crate::ast::{Ast, Binding, Node, NodeId};
use crate::scope::Scope;
use crate::{Number, Value};

/// The variables of one turn of an iteration.
type Turn = Vec<(Arc<str>, Value)>;

impl Evaluator<'_> {
    pub(super) fn list(&mut self, ast: &Arc<Ast>, items: &[NodeId], scope: &Scope<'_>) -> Answer {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(self.eval(ast, *item, scope).map_err(Fault::in_collection)?);
        }
        self.sized(Value::list(values))
    }

    /// Entries see the ones before them.
    pub(super) fn context(
        &mut self,
        ast: &Arc<Ast>,
        entries: &[(Arc<str>, NodeId)],
        scope: &Scope<'_>,
    ) -> Answer {
        let mut values: Vec<(Arc<str>, Value)> = Vec::with_capacity(entries.len());
        for (key, node) in entries {
            let inner = scope.with_entries(&values);
            let value = self
                .eval(ast, *node, &inner)
                .map_err(Fault::in_collection)?;
            values.push((key.clone(), value));
        }
        self.sized(Value::context(values))
    }

    /// The numbers from one to another by steps of one, downwards if need be.
    pub(super) fn series(
        &mut self,
        ast: &Arc<Ast>,
        from: NodeId,
        to: NodeId,
        scope: &Scope<'_>,
    ) -> Answer {
        let (from, to) = self.both(ast, from, to, scope)?;
        let from = self.number(from)?;
        let to = self.number(to)?;
        let down = to < from;
        let step = Number::from(if down { -1 } else { 1 });
        let mut next = from;
        let mut items = Vec::new();
        while if down { next >= to } else { next <= to } {
            self.work(1)?;
            let after = next.add(&step).filter(|after| *after != next);
            items.push(next.into());
            match after {
                Some(after) => next = after,
                None => break,
            }
        }
        Ok(Value::list(items))
    }

    fn number(&mut self, value: Value) -> Result<Number, Fault> {
        match value {
            Value::Number(n) => Ok(n),
            other => Err(self.expected("number", &other)),
        }
    }

    pub(super) fn for_each(
        &mut self,
        ast: &Arc<Ast>,
        iterators: &[Binding],
        body: NodeId,
        scope: &Scope<'_>,
    ) -> Answer {
        let mut results: Vec<Value> = Vec::new();
        for turn in self.turns(ast, iterators, scope)? {
            let inner = scope.with_variables(&turn);
            let answer = self.eval(ast, body, &inner.with_partial(&results));
            results.push(or_null(answer)?);
        }
        self.sized(Value::list(results))
    }

    /// `some` if `decisive` is true, else `every`.
    pub(super) fn quantified(
        &mut self,
        ast: &Arc<Ast>,
        iterators: &[Binding],
        condition: NodeId,
        decisive: bool,
        scope: &Scope<'_>,
    ) -> Answer {
        let mut value = (!decisive).into();
        for turn in self.turns(ast, iterators, scope)? {
            let inner = scope.with_variables(&turn);
            value = self.step(value, decisive, |e| e.eval(ast, condition, &inner))?;
        }
        Ok(value)
    }

    /// All combinations of the items, the last iterator the fastest. Iterators don't see each
    /// other.
    fn turns(
        &mut self,
        ast: &Arc<Ast>,
        iterators: &[Binding],
        scope: &Scope<'_>,
    ) -> Result<Vec<Turn>, Fault> {
        let mut lists = Vec::with_capacity(iterators.len());
        let mut fault = None;
        for Binding { name, over } in iterators {
            match self.eval(ast, *over, scope) {
                Ok(Value::List(items)) => lists.push((name, items)),
                Ok(other) => {
                    fault.get_or_insert(self.expected("list", &other));
                }
                Err(Fault::Fatal(message)) => return Err(Fault::Fatal(message)),
                Err(other) => {
                    fault.get_or_insert(other);
                }
            }
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        let mut turns: Vec<Turn> = vec![Vec::new()];
        for (name, items) in lists.into_iter().rev() {
            self.work((items.len() as u64).saturating_mul(turns.len() as u64))?;
            let of_item = |item: &Value| {
                let variable = (name.clone(), item.clone());
                let with = |turn: &Turn| turn.iter().cloned().chain([variable.clone()]).collect();
                turns.iter().map(with).collect::<Vec<Turn>>()
            };
            turns = items.iter().flat_map(of_item).collect();
        }
        Ok(turns)
    }

    /// By a position, if the filter is a number; else the items that it is true for.
    pub(super) fn filter(
        &mut self,
        ast: &Arc<Ast>,
        list: NodeId,
        filter: NodeId,
        scope: &Scope<'_>,
    ) -> Answer {
        let list = match self.eval(ast, list, scope)? {
            Value::List(list) => list,
            other => return Err(self.expected("list", &other)),
        };
        match &ast[filter] {
            Node::Literal(Value::Number(position)) => return Ok(item_at(&list, position)),
            // These are conditions on an item, or need one to be called with.
            Node::Compare { .. } | Node::Call { .. } | Node::CallIn { .. } => {}
            // Anything else may be a position.
            _ => match self.eval(ast, filter, scope) {
                Ok(Value::Number(position)) => return Ok(item_at(&list, &position)),
                Err(Fault::Fatal(message)) => return Err(Fault::Fatal(message)),
                _ => {}
            },
        }
        let mut kept = Vec::new();
        for (i, item) in list.iter().enumerate() {
            let inner = scope.with_name("item", item);
            let answer = match item {
                Value::Context(map) => self.eval(ast, filter, &inner.with_context(map)),
                _ => self.eval(ast, filter, &inner),
            };
            match answer {
                Ok(Value::Number(position)) if i == 0 => return Ok(item_at(&list, &position)),
                Ok(Value::Boolean(true)) => kept.push(item.clone()),
                Ok(_) => {}
                Err(fault) if i == 0 => return Err(fault),
                Err(fault) => return Err(fault.in_collection()),
            }
        }
        Ok(Value::list(kept))
    }
}

/// Counted from 1, or from the end if it is not positive.
fn item_at(list: &[Value], position: &Number) -> Value {
    let zero = Number::from(0);
    let offset = Number::from(if *position > zero {
        -1
    } else {
        list.len() as i64
    });
    let index = position.add(&offset).filter(|index| *index >= zero);
    let item = index.and_then(|index| list.get(usize::try_from(index.to_i32()).ok()?));
    item.cloned().unwrap_or(Value::Null)
}
