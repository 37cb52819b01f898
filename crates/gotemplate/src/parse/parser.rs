//! Tokens to trees, one function a construct.

use std::sync::Arc;

use super::{
    lexer::{Kind, Lexer, Token},
    number::Number,
    tree::{Branch, Command, Expr, Node, Pipe, Span, Tree, show},
    unquote::unquote,
};
use crate::{error::ParseError, printf::quote, value::account::Entry};

/// How deep blocks and parentheses may nest, together. (Go: 10,000 parentheses, blocks without limit.)
const MAX_NESTING: usize = 1_000;

type Parsed<T> = Result<T, ParseError>;

/// Parses a text as template `name`; answers it and all it defines, in the order of their ends. Their trees take at most
/// `room` bytes, about.
pub(crate) fn parse(
    name: &str,
    text: &str,
    delims: (&str, &str),
    known: &dyn Fn(&str) -> bool,
    room: usize,
) -> Parsed<Vec<(Arc<str>, Tree)>> {
    let loop_words = (!known("break"), !known("continue"));
    let mut parser = Parser {
        lexer: Lexer::new(text, delims, loop_words),
        ahead: Vec::new(),
        read: 0,
        file: name.into(),
        text: text.into(),
        known,
        variables: vec!["$"],
        action: None,
        loops: 0,
        nesting: 0,
        nodes: Vec::new(),
        commands: Vec::new(),
        words: Vec::new(),
        trees: Vec::new(),
        weight: 0,
        room,
    };
    parser.takes(text.len())?;
    let root = parser.top()?;
    parser.add(name.into(), root)?;
    Ok(parser.trees)
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    /// Tokens given back, last first.
    ahead: Vec<Token<'t>>,
    /// Where the token read last begins, for errors.
    read: usize,
    file: Arc<str>,
    text: Arc<str>,
    known: &'t dyn Fn(&str) -> bool,
    variables: Vec<&'t str>,
    /// Where the action begins that is being read.
    action: Option<usize>,
    loops: usize,
    nesting: usize,
    /// What lists, pipelines and commands hold that are not at their end yet, the outer ones first.
    nodes: Vec<Node>,
    commands: Vec<Command>,
    words: Vec<Expr>,
    trees: Vec<(Arc<str>, Tree)>,
    /// Bytes of what no tree holds yet, and how many more there may be.
    weight: usize,
    room: usize,
}

/// What ended a list, or stands in it.
enum Item {
    Node(Node),
    End,
    Else,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    With,
    Range,
}

impl Control {
    fn word(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::With => "with",
            Self::Range => "range",
        }
    }
}

/// How Go's parser prints a token in errors.
fn shown(token: &Token<'_>) -> String {
    match token.kind {
        Kind::End => "EOF".into(),
        Kind::Keyword | Kind::Nil | Kind::Dot => format!("<{}>", token.text),
        _ if token.text.len() > 10 => {
            let cut: String = token.text.chars().take(10).collect();
            format!("{}...", quote(cut.as_bytes()))
        }
        _ => quote(token.text.as_bytes()),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the text is shorter than 4 GiB: parse() of larger is not offered"
)]
fn at(token: &Token<'_>) -> u32 {
    token.at as u32
}

#[expect(clippy::cast_possible_truncation, reason = "as above")]
fn end(token: &Token<'_>) -> u32 {
    (token.at + token.text.len()) as u32
}

fn span(token: &Token<'_>) -> Span {
    Span::new(at(token), end(token))
}

impl<'t> Parser<'t> {
    fn next(&mut self) -> Token<'t> {
        self.ahead.pop().unwrap_or_else(|| {
            let token = self.lexer.next_token();
            self.read = token.at;
            token
        })
    }

    fn give_back(&mut self, token: Token<'t>) {
        self.ahead.push(token);
    }

    fn peek(&mut self) -> &Token<'t> {
        if self.ahead.is_empty() {
            let token = self.next();
            self.give_back(token);
        }
        &self.ahead[self.ahead.len() - 1]
    }

    fn next_non_space(&mut self) -> Token<'t> {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> &Token<'t> {
        let token = self.next_non_space();
        self.give_back(token);
        self.peek()
    }

    fn at_keyword(&mut self, word: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Keyword && token.text == word
    }

    /// The line of a place, from 1.
    fn line(&self, at: usize) -> usize {
        1 + memchr::memchr_iter(b'\n', &self.text.as_bytes()[..at]).count()
    }

    fn error<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(ParseError { name: self.file.to_string(), line: self.line(self.read), message: message.into() })
    }

    fn unexpected<T>(&self, token: &Token<'_>, context: &str) -> Parsed<T> {
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", shown(token)));
        }
        let mut message = self.lexer.message().to_owned();
        let begun = self.action.map(|action| self.line(action));
        if let Some(begun) = begun.filter(|begun| *begun != self.line(token.at)) {
            let twice = message.ends_with(" action");
            message += if twice { " started" } else { " in action started" };
            message += &format!(" at {}:{begun}", self.file);
        }
        self.error(message)
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token<'t>> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    fn nest<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= MAX_NESTING {
            return self.error("max expression depth exceeded");
        }
        self.nesting += 1;
        let result = stacker::maybe_grow(64 << 10, 1 << 20, || inner(self));
        self.nesting -= 1;
        result
    }

    /// Counts what a tree needs.
    fn takes(&mut self, bytes: usize) -> Parsed<()> {
        let Some(left) = self.room.checked_sub(bytes) else {
            return self
                .error("the template is too large: its parts need more memory than templates may take");
        };
        self.room = left;
        self.weight += bytes;
        Ok(())
    }

    /// As [`takes`](Self::takes), for something in a box.
    fn takes_box<T>(&mut self) -> Parsed<()> {
        self.takes(size_of::<T>() + 16)
    }

    fn add(&mut self, name: Arc<str>, root: Box<[Node]>) -> Parsed<()> {
        let held = Entry::new(std::mem::take(&mut self.weight));
        let tree = Tree { file: self.file.clone(), text: self.text.clone(), root, held };
        match self.trees.iter_mut().find(|(known, _)| *known == name) {
            None => self.trees.push((name, tree)),
            Some(known) if known.1.is_empty() => known.1 = tree,
            Some(_) if tree.is_empty() => {}
            Some(_) => {
                return self
                    .error(format!("template: multiple definition of template {}", quote(name.as_bytes())));
            }
        }
        Ok(())
    }

    fn top(&mut self) -> Parsed<Box<[Node]>> {
        while self.peek().kind != Kind::End {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                let token = self.next_non_space();
                if token.kind == Kind::Keyword && token.text == "define" {
                    self.definition()?;
                    continue;
                }
                self.give_back(token);
                self.give_back(delim);
            }
            match self.text_or_action()? {
                Item::Node(node) => self.node(node)?,
                Item::End => return self.error("unexpected {{end}}"),
                Item::Else => return self.error("unexpected {{else}}"),
            }
        }
        Ok(std::mem::take(&mut self.nodes).into())
    }

    fn node(&mut self, node: Node) -> Parsed<()> {
        self.nodes.push(node);
        self.takes(size_of::<Node>())
    }

    /// The body of a definition has variables and loops of its own.
    fn separate<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let variables = std::mem::replace(&mut self.variables, vec!["$"]);
        let loops = std::mem::take(&mut self.loops);
        let action = self.action.take();
        let result = self.nest(inner);
        (self.variables, self.loops, self.action) = (variables, loops, action);
        result
    }

    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        self.separate(|parser| {
            let token = parser.next_non_space();
            let name = parser.template_name(&token, CONTEXT)?;
            parser.expect(Kind::RightDelim, CONTEXT)?;
            let (root, end) = parser.list()?;
            parser.require_end(&end, CONTEXT)?;
            parser.add(name, root)
        })
    }

    fn require_end(&self, end: &Item, context: &str) -> Parsed<()> {
        match end {
            Item::Else => self.error(format!("unexpected {{{{else}}}} in {context}")),
            _ => Ok(()),
        }
    }

    fn template_name(&mut self, token: &Token<'_>, context: &str) -> Parsed<Arc<str>> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, context);
        }
        match unquote(token.text) {
            Some(name) => Ok(String::from_utf8_lossy(&name).into()),
            None => self.error("invalid syntax"),
        }
    }

    /// Nodes up to `{{end}}` or `{{else}}`.
    fn list(&mut self) -> Parsed<(Box<[Node]>, Item)> {
        let mark = self.nodes.len();
        while self.peek_non_space().kind != Kind::End {
            match self.text_or_action()? {
                Item::Node(node) => self.node(node)?,
                end => return Ok((self.nodes.drain(mark..).collect(), end)),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(span(&token)))),
            Kind::LeftDelim => {
                self.action = Some(token.at);
                let item = self.action();
                self.action = None;
                item
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        if token.kind != Kind::Keyword || token.text == "define" {
            self.give_back(token);
            return Ok(Item::Node(Node::Action(self.pipeline("command", Kind::RightDelim)?)));
        }
        let node = match token.text {
            "block" => self.block()?,
            "break" => self.loop_control("break", Node::Break)?,
            "continue" => self.loop_control("continue", Node::Continue)?,
            "else" => return self.else_clause(),
            "end" => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Item::End);
            }
            "if" => self.control(Control::If)?,
            "range" => self.control(Control::Range)?,
            "template" => self.template()?,
            _ => self.control(Control::With)?,
        };
        Ok(Item::Node(node))
    }

    fn loop_control(&mut self, word: &str, node: Node) -> Parsed<Node> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, &format!("{{{{{word}}}}}"));
        }
        if self.loops == 0 {
            return self.error(format!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn else_clause(&mut self) -> Parsed<Item> {
        self.peek_non_space();
        if !self.at_keyword("if") && !self.at_keyword("with") {
            self.expect(Kind::RightDelim, "else")?;
        }
        Ok(Item::Else)
    }

    fn control(&mut self, control: Control) -> Parsed<Node> {
        let known = self.variables.len();
        let branch = self.nest(|parser| parser.branch(control));
        self.variables.truncate(known);
        let branch = Box::new(branch?);
        self.takes_box::<Branch>()?;
        Ok(match control {
            Control::If => Node::If(branch),
            Control::With => Node::With(branch),
            Control::Range => Node::Range(branch),
        })
    }

    fn branch(&mut self, control: Control) -> Parsed<Branch> {
        let in_loop = usize::from(control == Control::Range);
        let pipe = self.pipeline(control.word(), Kind::RightDelim)?;
        self.loops += in_loop;
        let (list, end) = self.list()?;
        self.loops -= in_loop;
        let otherwise = match end {
            Item::Else => Some(self.otherwise(control)?),
            _ => None,
        };
        Ok(Branch { pipe, list, otherwise })
    }

    fn otherwise(&mut self, control: Control) -> Parsed<Box<[Node]>> {
        if control != Control::Range && self.at_keyword(control.word()) {
            self.next();
            return Ok(Box::new([self.control(control)?]));
        }
        match self.list()? {
            (nodes, Item::End) => Ok(nodes),
            _ => self.error("expected end; found {{else}}"),
        }
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = Box::new(self.pipeline(CONTEXT, Kind::RightDelim)?);
        let defined = name.clone();
        self.separate(|parser| {
            let (root, end) = parser.list()?;
            parser.require_end(&end, CONTEXT)?;
            parser.add(defined, root)
        })?;
        Ok(Node::Template { at: at(&token), name, pipe: Some(pipe) })
    }

    fn template(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let next = self.next_non_space();
        let pipe = if next.kind == Kind::RightDelim {
            None
        } else {
            self.give_back(next);
            Some(Box::new(self.pipeline(CONTEXT, Kind::RightDelim)?))
        };
        Ok(Node::Template { at: at(&token), name, pipe })
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let at = at(self.peek_non_space());
        let (mut assign, mut variables) = (false, Vec::new());
        while self.declaration(&mut variables, &mut assign, context)? {}
        let mark = self.commands.len();
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.give_back(token);
                    let command = self.command()?;
                    self.commands.push(command);
                    self.takes_box::<Command>()?;
                }
                _ => return self.unexpected(&token, context),
            }
        }
        let mut commands = self.commands.drain(mark..);
        let Some(first) = commands.next() else {
            drop(commands);
            return self.error(format!("missing value for {context}"));
        };
        let more: Box<[Command]> = commands.collect();
        match more.iter().position(|command| command.word.is_constant()) {
            Some(index) => self.error(format!("non executable command in pipeline stage {}", index + 2)),
            None => Ok(Pipe { at, assign, variables: variables.into(), first, more }),
        }
    }

    /// One `$x :=`, `$x =` or, in a range, `$x,`; whether another may follow.
    fn declaration(&mut self, variables: &mut Vec<Span>, assign: &mut bool, context: &str) -> Parsed<bool> {
        if self.peek_non_space().kind != Kind::Variable {
            return Ok(false);
        }
        let variable = self.next();
        let after = *self.peek();
        let next = *self.peek_non_space();
        let comma = next.kind == Kind::Char && next.text == ",";
        if !comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
            if after.kind == Kind::Space {
                self.give_back(after);
            }
            self.give_back(variable);
            return Ok(false);
        }
        self.next_non_space();
        variables.push(span(&variable));
        self.variables.push(variable.text);
        if !comma {
            *assign = next.kind == Kind::Assign;
            return Ok(false);
        }
        if context != "range" || variables.len() >= 2 {
            return self.error(format!("too many declarations in {context}"));
        }
        match self.peek_non_space().kind {
            Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
            _ => self.error("range can only initialize variables"),
        }
    }

    fn command(&mut self) -> Parsed<Command> {
        let (at, mark) = (at(self.peek_non_space()), self.words.len());
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                self.words.push(operand);
                self.takes_box::<Expr>()?;
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.give_back(token),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        let mut words = self.words.drain(mark..);
        let Some(word) = words.next() else {
            drop(words);
            return self.error("empty command");
        };
        Ok(Command { at, word, arguments: words.collect() })
    }

    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let Some(mut term) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(term));
        }
        let first = self.next();
        let mut last = first;
        while self.peek().kind == Kind::Field {
            last = self.next();
        }
        let (at, to) = (at(&first), end(&last));
        match &mut term {
            Expr::Field(place, span) | Expr::Variable(place, span) => {
                *place = at;
                *span = span.up_to(to);
            }
            term if term.is_constant() => {
                let term = show(&self.text, &*term).to_string();
                return self.error(format!("unexpected . after term {}", quote(term.as_bytes())));
            }
            _ => return Ok(Some(Expr::Chain { at, base: Box::new(term), fields: Span::new(at, to) })),
        }
        Ok(Some(term))
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        let token = self.next_non_space();
        let at = at(&token);
        Ok(Some(match token.kind {
            Kind::Identifier => {
                if !(self.known)(token.text) && !crate::builtin::is_builtin(token.text) {
                    return self.error(format!("function {} not defined", quote(token.text.as_bytes())));
                }
                Expr::Function(at, span(&token))
            }
            Kind::Dot => Expr::Dot(at),
            Kind::Nil => Expr::Nil(at),
            Kind::Variable => self.variable(&token)?,
            Kind::Field => Expr::Field(at, span(&token)),
            Kind::Bool => Expr::Bool(at, token.text == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                self.takes_box::<Number>()?;
                Expr::Number { at, text: span(&token), number: Box::new(self.number(&token)?) }
            }
            Kind::LeftParen => {
                let inner =
                    self.nest(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?;
                self.takes_box::<Pipe>()?;
                Expr::Pipe(Box::new(inner))
            }
            Kind::String | Kind::RawString => match unquote(token.text) {
                Some(text) => Expr::String { at, quoted: span(&token), text: text.as_ref().into() },
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.give_back(token);
                return Ok(None);
            }
        }))
    }

    fn number(&self, token: &Token<'_>) -> Parsed<Number> {
        let number = match token.kind {
            Kind::CharConstant => Number::from_char(token.text),
            _ => Number::parse(token.text),
        };
        number.or_else(|message| self.error(message))
    }

    fn variable(&self, token: &Token<'_>) -> Parsed<Expr> {
        if !self.variables.contains(&token.text) {
            return self.error(format!("undefined variable {}", quote(token.text.as_bytes())));
        }
        Ok(Expr::Variable(at(token), span(token)))
    }
}
