//! The parsed form of an expression: nodes in one vector that refer to each other by index, so
//! that dropping a deep one needs no recursion and parsing may share parts.

use std::ops::Index;
use std::sync::Arc;

use crate::Value;
use crate::builtins::Builtin;

/// The nodes of one text. A node refers to earlier ones only.
#[derive(Debug, Default)]
pub(crate) struct Ast {
    nodes: Vec<Node>,
}

/// A place in an [`Ast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

impl Ast {
    pub(crate) fn push(&mut self, node: Node) -> NodeId {
        let id = u32::try_from(self.nodes.len()).expect("a text is shorter than 4 GiB");
        self.nodes.push(node);
        NodeId(id)
    }
}

impl Index<NodeId> for Ast {
    type Output = Node;

    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Literal(Value),
    List(Box<[NodeId]>),
    Context(Box<[(Arc<str>, NodeId)]>),
    /// A range as an argument of a function.
    Range(RangeNode),
    /// A variable and the path below it, of one or more names.
    Variable {
        name: Arc<str>,
        path: Box<[Arc<str>]>,
    },
    Path {
        of: NodeId,
        key: Arc<str>,
    },
    Filter {
        list: NodeId,
        filter: NodeId,
    },
    Negate(NodeId),
    /// A chain of operators of one precedence, from left to right.
    Arithmetic {
        first: NodeId,
        rest: Box<[(ArithmeticOp, NodeId)]>,
    },
    Compare {
        op: Comparison,
        left: NodeId,
        right: NodeId,
    },
    Not(NodeId),
    /// A chain of `and`, at least two.
    All(Box<[NodeId]>),
    /// A chain of `or`, at least two.
    Any(Box<[NodeId]>),
    If {
        condition: NodeId,
        then: NodeId,
        otherwise: NodeId,
    },
    In {
        value: NodeId,
        test: NodeId,
    },
    InstanceOf {
        value: NodeId,
        type_name: Arc<str>,
    },
    For {
        iterators: Box<[Binding]>,
        body: NodeId,
    },
    Some {
        iterators: Box<[Binding]>,
        condition: NodeId,
    },
    Every {
        iterators: Box<[Binding]>,
        condition: NodeId,
    },
    /// `1..10` as what an iterator goes over.
    Series {
        from: NodeId,
        to: NodeId,
    },
    Call {
        name: Arc<str>,
        arguments: Arguments,
        builtin: Option<&'static Builtin>,
    },
    /// A call of a function in a context: `a.b.f(1)`.
    CallIn {
        context: NodeId,
        name: Arc<str>,
        arguments: Arguments,
    },
    Function {
        parameters: Box<[Arc<str>]>,
        body: NodeId,
    },
    /// `?`
    Input,
    Test(Test),
}

#[derive(Clone, Debug)]
pub(crate) struct RangeNode {
    pub(crate) start: NodeId,
    pub(crate) start_included: bool,
    pub(crate) end: NodeId,
    pub(crate) end_included: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) name: Arc<str>,
    pub(crate) over: NodeId,
}

#[derive(Clone, Debug)]
pub(crate) enum Arguments {
    Positional(Box<[NodeId]>),
    Named(Box<[(Arc<str>, NodeId)]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Tests of an input that isn't named, as after `in` and in the cells of decision tables.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Compare(Comparison, NodeId),
    InRange(RangeNode),
    /// Any expression: true, equal to the input, or a list that has it.
    Expression(NodeId),
    /// At least one of several.
    AnyOf(Box<[NodeId]>),
}
