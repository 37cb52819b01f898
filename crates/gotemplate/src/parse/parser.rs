//! Tokens to trees, one function a construct.

use std::sync::Arc;

use super::{
    lexer::{Kind, Lexer, Token},
    number::Number,
    pieces::{Id, Piece, Pieces, Run},
    tree::{Branch, Call, Command, Expr, Node, Pipe, Source, Span, Tree, print_nothing},
    unquote::unquote,
};
use crate::{error::ParseError, printf::quote, value::account::Entry};

/// How deep blocks and parentheses may nest, together. (Go: 10,000 parentheses, blocks without limit.)
const MAX_NESTING: usize = 1_000;

type Parsed<T> = Result<T, Box<ParseError>>;

/// Parses a text as template `name`; answers it and all it defines, in the order of their ends. Their trees take at most
/// `room` bytes, about.
pub(crate) fn parse<'t>(
    name: &'t str,
    text: &'t str,
    delims: (&'t str, &'t str),
    known: &'t dyn Fn(&str) -> bool,
    room: usize,
) -> Parsed<Vec<(Arc<str>, Tree)>> {
    let loop_words = (!known("break"), !known("continue"));
    let mut parser = Parser {
        lexer: Lexer::new(text, delims, loop_words),
        ahead: Vec::new(),
        read: 0,
        name,
        text,
        known,
        variables: vec!["$"],
        action: None,
        loops: 0,
        nesting: 0,
        nodes: Vec::new(),
        commands: Vec::new(),
        words: Vec::new(),
        pieces: Pieces::default(),
        roots: Vec::new(),
        room,
    };
    parser.takes(text.len())?;
    let root = parser.top()?;
    parser.add(name.into(), root)?;
    let Parser { mut pieces, roots, room: left, .. } = parser;
    pieces.shrink();
    let source = Source { file: name.into(), text: text.into(), pieces, held: Entry::new(room - left) };
    let source = Arc::new(source);
    Ok(roots.into_iter().map(|(name, root)| (name, Tree { source: source.clone(), root })).collect())
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    /// Tokens given back, last first.
    ahead: Vec<Token>,
    /// Where the token read last begins, for errors.
    read: u32,
    name: &'t str,
    text: &'t str,
    known: &'t dyn Fn(&str) -> bool,
    variables: Vec<&'t str>,
    /// Where the action begins that is being read.
    action: Option<u32>,
    loops: usize,
    nesting: usize,
    /// What lists, pipelines and commands hold that are not at their end yet, the outer ones first.
    nodes: Vec<Node>,
    commands: Vec<Command>,
    words: Vec<Expr>,
    /// What is at its end.
    pieces: Pieces,
    roots: Vec<(Arc<str>, Run<Node>)>,
    /// How many more bytes the pieces may take.
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

impl<'t> Parser<'t> {
    fn text(&self, token: Token) -> &'t str {
        token.span.of(self.text)
    }

    fn is_keyword(&self, token: Token, word: &str) -> bool {
        token.kind == Kind::Keyword && self.text(token) == word
    }

    /// How Go's parser prints a token in errors.
    fn shown(&self, token: Token) -> String {
        let text = self.text(token);
        match token.kind {
            Kind::End => "EOF".into(),
            Kind::Keyword | Kind::Nil | Kind::Dot => format!("<{text}>"),
            _ if text.len() > 10 => {
                let cut: String = text.chars().take(10).collect();
                format!("{}...", quote(cut.as_bytes()))
            }
            _ => quote(text.as_bytes()),
        }
    }

    fn next(&mut self) -> Token {
        self.ahead.pop().unwrap_or_else(|| {
            let token = self.lexer.next_token();
            self.read = token.span.at();
            token
        })
    }

    fn give_back(&mut self, token: Token) {
        self.ahead.push(token);
    }

    fn peek(&mut self) -> Token {
        if let Some(token) = self.ahead.last() {
            return *token;
        }
        let token = self.next();
        self.give_back(token);
        token
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token {
        loop {
            let token = self.peek();
            if token.kind != Kind::Space {
                return token;
            }
            self.ahead.pop();
        }
    }

    fn at_keyword(&mut self, word: &str) -> bool {
        let token = self.peek();
        self.is_keyword(token, word)
    }

    /// The line of a place, from 1.
    fn line(&self, at: u32) -> usize {
        1 + memchr::memchr_iter(b'\n', &self.text.as_bytes()[..at as usize]).count()
    }

    fn error<T>(&self, message: impl Into<String>) -> Parsed<T> {
        let line = self.line(self.read);
        Err(Box::new(ParseError { name: self.name.to_owned(), line, message: message.into() }))
    }

    fn unexpected<T>(&self, token: Token, context: &str) -> Parsed<T> {
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", self.shown(token)));
        }
        let mut message = self.lexer.message().to_owned();
        let begun = self.action.map(|action| self.line(action));
        if let Some(begun) = begun.filter(|begun| *begun != self.line(token.span.at())) {
            let twice = message.ends_with(" action");
            message += if twice { " started" } else { " in action started" };
            message += &format!(" at {}:{begun}", self.name);
        }
        self.error(message)
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(token, context) }
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
        Ok(())
    }

    fn keep<T: Piece>(&mut self, piece: T) -> Parsed<Id<T>> {
        self.takes(size_of::<T>())?;
        Ok(self.pieces.add(piece))
    }

    fn add(&mut self, name: Arc<str>, root: Run<Node>) -> Parsed<()> {
        self.takes(name.len() + 64)?;
        let is_empty = |root| print_nothing(self.pieces.run(root), self.text);
        match self.roots.iter_mut().find(|(known, _)| *known == name) {
            None => self.roots.push((name, root)),
            Some(known) if is_empty(known.1) => known.1 = root,
            Some(_) if is_empty(root) => {}
            Some(_) => {
                return self
                    .error(format!("template: multiple definition of template {}", quote(name.as_bytes())));
            }
        }
        Ok(())
    }

    fn top(&mut self) -> Parsed<Run<Node>> {
        while self.peek().kind != Kind::End {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                let token = self.next_non_space();
                if self.is_keyword(token, "define") {
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
        Ok(self.pieces.add_all(self.nodes.drain(..)))
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
            let name = parser.template_name(token, CONTEXT)?;
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

    fn template_name(&mut self, token: Token, context: &str) -> Parsed<Arc<str>> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, context);
        }
        match unquote(self.text(token)) {
            Some(name) => Ok(String::from_utf8_lossy(&name).into()),
            None => self.error("invalid syntax"),
        }
    }

    /// Nodes up to `{{end}}` or `{{else}}`.
    fn list(&mut self) -> Parsed<(Run<Node>, Item)> {
        let mark = self.nodes.len();
        while self.peek_non_space().kind != Kind::End {
            match self.text_or_action()? {
                Item::Node(node) => self.node(node)?,
                end => return Ok((self.pieces.add_all(self.nodes.drain(mark..)), end)),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.span))),
            Kind::LeftDelim => {
                self.action = Some(token.span.at());
                let item = self.action();
                self.action = None;
                item
            }
            _ => self.unexpected(token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        let word = self.text(token);
        if token.kind != Kind::Keyword || word == "define" {
            self.give_back(token);
            return Ok(Item::Node(Node::Action(self.pipeline("command", Kind::RightDelim)?)));
        }
        let node = match word {
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
            return self.unexpected(token, &format!("{{{{{word}}}}}"));
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
        let branch = self.keep(branch?)?;
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

    fn otherwise(&mut self, control: Control) -> Parsed<Run<Node>> {
        if control != Control::Range && self.at_keyword(control.word()) {
            self.next();
            let node = self.control(control)?;
            self.takes(size_of::<Node>())?;
            return Ok(self.pieces.add_all(std::iter::once(node)));
        }
        match self.list()? {
            (nodes, Item::End) => Ok(nodes),
            _ => self.error("expected end; found {{else}}"),
        }
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        let defined = name.clone();
        self.separate(|parser| {
            let (root, end) = parser.list()?;
            parser.require_end(&end, CONTEXT)?;
            parser.add(defined, root)
        })?;
        self.call(token, name, Some(pipe))
    }

    fn template(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(token, CONTEXT)?;
        let next = self.next_non_space();
        let pipe = if next.kind == Kind::RightDelim {
            None
        } else {
            self.give_back(next);
            Some(self.pipeline(CONTEXT, Kind::RightDelim)?)
        };
        self.call(token, name, pipe)
    }

    fn call(&mut self, token: Token, name: Arc<str>, pipe: Option<Id<Pipe>>) -> Parsed<Node> {
        self.takes(name.len() + 32)?;
        Ok(Node::Template(self.keep(Call { at: token.span.at(), name, pipe })?))
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Id<Pipe>> {
        let at = self.peek_non_space().span.at();
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
                    self.takes(size_of::<Command>())?;
                }
                _ => return self.unexpected(token, context),
            }
        }
        let first_word_is_constant = |command: &Command| self.pieces.one(command.word).is_constant();
        let commands = &self.commands[mark..];
        if commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        if let Some(index) = commands.iter().skip(1).position(first_word_is_constant) {
            return self.error(format!("non executable command in pipeline stage {}", index + 2));
        }
        let commands = self.pieces.add_all(self.commands.drain(mark..));
        self.takes(variables.len() * size_of::<Span>())?;
        let variables = self.pieces.add_all(variables.into_iter());
        self.keep(Pipe { at, assign, variables, commands })
    }

    /// One `$x :=`, `$x =` or, in a range, `$x,`; whether another may follow.
    fn declaration(&mut self, variables: &mut Vec<Span>, assign: &mut bool, context: &str) -> Parsed<bool> {
        if self.peek_non_space().kind != Kind::Variable {
            return Ok(false);
        }
        let variable = self.next();
        let after = self.peek();
        let next = self.peek_non_space();
        let comma = next.kind == Kind::Char && self.text(next) == ",";
        if !comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
            if after.kind == Kind::Space {
                self.give_back(after);
            }
            self.give_back(variable);
            return Ok(false);
        }
        self.next_non_space();
        variables.push(variable.span);
        self.variables.push(self.text(variable));
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
        let (at, mark) = (self.peek_non_space().span.at(), self.words.len());
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                self.words.push(operand);
                self.takes(size_of::<Expr>())?;
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.give_back(token),
                Kind::Pipe => {}
                _ => return self.unexpected(token, "operand"),
            }
            break;
        }
        let words = self.pieces.add_all(self.words.drain(mark..));
        match words.split_first() {
            Some((word, arguments)) => Ok(Command { at, word, arguments }),
            None => self.error("empty command"),
        }
    }

    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let begin = self.peek().span;
        let Some(term) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(term));
        }
        let first = self.next().span;
        let mut fields = first;
        while self.peek().kind == Kind::Field {
            fields = fields.up_to(self.next().span);
        }
        let at = first.at();
        Ok(Some(match term {
            Expr::Field(_, name) => Expr::Field(at, name.up_to(fields)),
            Expr::Variable(_, name) => Expr::Variable(at, name.up_to(fields)),
            term if term.is_constant() => {
                let term = begin.before(first).of(self.text);
                return self.error(format!("unexpected . after term {}", quote(term.as_bytes())));
            }
            term => Expr::Chain { at, base: self.keep(term)?, fields },
        }))
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        let token = self.next_non_space();
        let at = token.span.at();
        Ok(Some(match token.kind {
            Kind::Identifier => {
                let name = self.text(token);
                if !(self.known)(name) && !crate::builtin::is_builtin(name) {
                    return self.error(format!("function {} not defined", quote(name.as_bytes())));
                }
                Expr::Function(at, token.span)
            }
            Kind::Dot => Expr::Dot(at),
            Kind::Nil => Expr::Nil(at),
            Kind::Variable => self.variable(token)?,
            Kind::Field => Expr::Field(at, token.span),
            Kind::Bool => Expr::Bool(at, self.text(token) == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                let number = self.number(token)?;
                Expr::Number { at, text: token.span, number: self.keep(number)? }
            }
            Kind::LeftParen => {
                let inner =
                    self.nest(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?;
                Expr::Pipe(self.pieces.one(inner).at, inner)
            }
            Kind::String | Kind::RawString => match unquote(self.text(token)) {
                Some(text) => {
                    let text = self.keep(text.as_ref().into())?;
                    Expr::String { at, quoted: token.span, text }
                }
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.give_back(token);
                return Ok(None);
            }
        }))
    }

    fn number(&self, token: Token) -> Parsed<Number> {
        let number = match token.kind {
            Kind::CharConstant => Number::from_char(self.text(token)),
            _ => Number::parse(self.text(token)),
        };
        number.or_else(|message| self.error(message))
    }

    fn variable(&self, token: Token) -> Parsed<Expr> {
        let name = self.text(token);
        if !self.variables.contains(&name) {
            return self.error(format!("undefined variable {}", quote(name.as_bytes())));
        }
        Ok(Expr::Variable(token.span.at(), token.span))
    }
}
