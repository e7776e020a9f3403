//! Loops in which nothing waits: an instance would run in circles for ever.

use std::collections::BTreeMap;

use super::Context;
use crate::xml::Node;

pub(super) fn check<'d>(node: Node<'d>, context: &mut Context<'_, 'd>) {
    if !node.is("process") {
        return;
    }
    let graph = Graph::of(node, context);
    if let Some(mut cycle) = graph.cycle() {
        let message = format!(
            "Processes are not allowed to contain a straight-through processing loop: {}",
            cycle
                .iter_mut()
                .map(|node| node.id().unwrap_or_default())
                .collect::<Vec<_>>()
                .join(" > ")
        );
        context.error(node, message);
    }
}

/// Elements at which nothing waits, and the flows between them.
struct Graph<'d> {
    nodes: Vec<Node<'d>>,
    next: Vec<Vec<usize>>,
}

impl<'d> Graph<'d> {
    fn of(process: Node<'d>, context: &Context<'_, 'd>) -> Self {
        let nodes: Vec<_> = (process.descendants())
            .filter(|node| passes(*node))
            .collect();
        let numbers: BTreeMap<_, _> = (nodes.iter().enumerate())
            .map(|(number, node)| (node.index(), number))
            .collect();
        let mut next = vec![Vec::new(); nodes.len()];
        for flow in process.descendants().filter(|node| node.is("sequenceFlow")) {
            let end = |attribute| {
                let node = context.model.by_id(flow.attribute(attribute)?)?;
                numbers.get(&node.index()).copied()
            };
            if let (Some(source), Some(target)) = (end("sourceRef"), end("targetRef")) {
                next[source].push(target);
            }
        }
        Self { nodes, next }
    }

    /// A loop that has more than gateways in it.
    fn cycle(&self) -> Option<Vec<Node<'d>>> {
        let component = self.components();
        let start = (0..self.nodes.len()).find(|start| {
            let mut next = self.next[*start].iter();
            !self.nodes[*start].is_gateway()
                && next.any(|next| component[*next] == component[*start])
        })?;
        // Breadth first within the component, back to where it started.
        let mut from = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for next in self.next[node]
                .iter()
                .filter(|next| component[**next] == component[start])
            {
                if from.contains_key(next) {
                    continue;
                }
                from.insert(*next, node);
                queue.push_back(*next);
            }
        }
        let mut cycle = vec![self.nodes[start]];
        let mut node = *from.get(&start)?;
        while node != start {
            cycle.push(self.nodes[node]);
            node = *from.get(&node)?;
        }
        cycle[1..].reverse();
        Some(cycle)
    }

    /// The strongly connected component of each node (Tarjan's algorithm with its own stack).
    fn components(&self) -> Vec<usize> {
        const UNSEEN: usize = usize::MAX;
        let count = self.nodes.len();
        let (mut order, mut low) = (vec![UNSEEN; count], vec![UNSEEN; count]);
        let (mut component, mut open) = (vec![UNSEEN; count], Vec::new());
        let (mut seen, mut components) = (0, 0);
        for root in 0..count {
            if order[root] != UNSEEN {
                continue;
            }
            let mut path = vec![(root, 0)];
            while let Some((node, edge)) = path.pop() {
                if edge == 0 {
                    order[node] = seen;
                    low[node] = seen;
                    seen += 1;
                    open.push(node);
                }
                if let Some(&next) = self.next[node].get(edge) {
                    path.push((node, edge + 1));
                    if order[next] == UNSEEN {
                        path.push((next, 0));
                    } else if component[next] == UNSEEN {
                        low[node] = low[node].min(order[next]);
                    }
                    continue;
                }
                if low[node] == order[node] {
                    while let Some(member) = open.pop() {
                        component[member] = components;
                        if member == node {
                            break;
                        }
                    }
                    components += 1;
                }
                if let Some((parent, _)) = path.last() {
                    low[*parent] = low[*parent].min(low[node]);
                }
            }
        }
        component
    }
}

/// Whether an instance goes through at once.
fn passes(node: Node<'_>) -> bool {
    let none_throw = node.is("intermediateThrowEvent") && node.event_definitions().next().is_none();
    let script = node.is("scriptTask") && node.extension("script").is_some();
    node.is("task") || node.is("manualTask") || none_throw || script || node.is_gateway()
}
