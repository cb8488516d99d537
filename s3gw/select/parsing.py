"""Parser of SELECT statements: text to a syntax tree, by recursive descent.

From the loosest operator to the tightest: OR, AND, NOT, comparisons and predicates, + and -, then
* / %, signs, and primaries.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from s3gw.select import tree
from s3gw.select.calls import AGGREGATES, CALLS, CallReader
from s3gw.select.tokens import Kind, Token, position, tokens_of
from s3gw.wire.errors import Code, S3Error

# In bytes, as AWS limits it.
MAX_STATEMENT = 256 << 10
# Parentheses and calls within one another.
MAX_DEPTH = 64
# They end an expression, and are names only in quotes.
_RESERVED = frozenset(
    """ALL AND AS ASC BETWEEN BY CASE DESC DISTINCT ELSE END ESCAPE EXCEPT EXISTS FALSE FROM FULL
    GROUP HAVING IN INNER INTERSECT INTO IS JOIN LEFT LIKE LIMIT MISSING NATURAL NOT NULL OFFSET ON
    OR ORDER OUTER RIGHT SELECT THEN TRUE UNION UNIQUE USING VALUES WHEN WHERE WITH""".split()  # noqa: SIM905
)
_OTHER_CLAUSES = frozenset("GROUP HAVING ORDER UNION EXCEPT INTERSECT OFFSET".split())  # noqa: SIM905
_JOINS = frozenset("JOIN INNER LEFT RIGHT FULL OUTER NATURAL CROSS".split())  # noqa: SIM905
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def parse(statement: str) -> tree.Select:
    """Return the tree of a statement. Raise AWS' error for what the dialect does not have."""
    if len(statement.encode()) > MAX_STATEMENT:
        raise S3Error(Code.ExpressionTooLong)
    return Parser(statement).select()


class Parser(CallReader):
    """Reads one statement, token by token."""

    def __init__(self, statement: str) -> None:
        self._statement = statement
        self._tokens = tokens_of(statement)
        self._next = 0
        self._depth = 0

    # Tokens

    @property
    def token(self) -> Token:
        return self._tokens[self._next]

    def advance(self) -> Token:
        token = self.token
        if token.kind is not Kind.END:
            self._next += 1
        return token

    def skip_word(self, *words: str) -> str:
        """Pass one of the words, and return it; return nothing if another token comes."""
        found = self.token.word if self.token.word in words else ""
        if found:
            self._next += 1
        return found

    def skip(self, operator: str) -> bool:
        found = self.token.kind is Kind.OPERATOR and self.token.text == operator
        if found:
            self._next += 1
        return found

    def expect(self, operator: str, code: Code = Code.ParseUnexpectedToken) -> None:
        if not self.skip(operator):
            raise self.refused(code)

    def expect_word(self, word: str, code: Code = Code.ParseExpectedKeyword) -> None:
        if not self.skip_word(word):
            raise self.refused(code)

    def refused(self, code: Code) -> S3Error:
        """Return the error, with the token that is the reason and its place."""
        token = self.token
        shown = "the end" if token.kind is Kind.END else f"{token.kind.value} {token.text!r}"
        where = position(self._statement, token.place)
        return S3Error(code, f"{code.message} Found {shown} {where}.")

    # Statement

    def select(self) -> tree.Select:
        self.expect_word("SELECT")
        items = self._select_list()
        self.expect_word("FROM", Code.ParseSelectMissingFrom)
        source, alias = self._source()
        where = self.expression() if self.skip_word("WHERE") else None
        limit = self._limit() if self.skip_word("LIMIT") else None
        self.skip(";")
        if self.token.kind is not Kind.END:
            raise self._trailing()
        return tree.Select(items, source, alias, where, limit)

    def _trailing(self) -> S3Error:
        if self.token.word in _OTHER_CLAUSES:
            return self.refused(Code.UnsupportedSqlStructure)
        if self.token.word in _JOINS:
            return self.refused(Code.ParseMalformedJoin)
        return self.refused(Code.ParseUnexpectedToken)

    def _select_list(self) -> tuple[tree.Item, ...] | None:
        if self.token.word in ("DISTINCT", "ALL"):
            raise self.refused(Code.UnsupportedSqlStructure)
        if self.token.word == "FROM" or self.token.kind is Kind.END:
            raise self.refused(Code.ParseEmptySelect)
        if self.skip("*"):
            if self.skip(","):
                raise self.refused(Code.ParseAsteriskIsNotAloneInSelectList)
            return None
        items = [self._item()]
        while self.skip(","):
            if self.token.text == "*" and self.token.kind is Kind.OPERATOR:
                raise self.refused(Code.ParseAsteriskIsNotAloneInSelectList)
            items.append(self._item())
        (last,) = (items[-1:]) or (None,)
        if len(items) == 1 and last is not None and _is_everything(last.expression):
            return None
        return tuple(items)

    def _item(self) -> tree.Item:
        expression = self.expression()
        if self.skip_word("AS"):
            return tree.Item(expression, self._identifier(Code.ParseExpectedIdentForAlias))
        if self.token.kind is Kind.QUOTED or self._is_plain_word():
            return tree.Item(expression, self.advance().text)
        return tree.Item(expression)

    def _source(self) -> tuple[tuple[tree.Step, ...], str]:
        table = self.advance()
        if table.kind not in (Kind.WORD, Kind.QUOTED) or table.text.upper() != "S3OBJECT":
            self._next -= table.kind is not Kind.END
            raise self.refused(Code.InvalidTableAlias)
        steps = self.steps()
        if steps and isinstance(steps[0], tree.EachElement):
            # `S3Object[*]` is each record, as `S3Object` is.
            steps = steps[1:]
        alias = ""
        if self.skip_word("AS") or self.token.kind is Kind.QUOTED or self._is_plain_word():
            alias = self._identifier(Code.ParseExpectedIdentForAlias)
        if self.skip(","):
            raise self.refused(Code.MultipleDataSourcesUnsupported)
        return tuple(steps), alias

    def _limit(self) -> int:
        if self.skip("-"):
            raise self.refused(Code.EvaluatorNegativeLimit)
        token = self.advance()
        if token.kind is not Kind.NUMBER or not token.text.isdigit() or len(token.text) > 18:
            self._next -= token.kind is not Kind.END
            raise self.refused(Code.ParseExpectedNumber)
        return int(token.text)

    def _identifier(self, code: Code) -> str:
        if self.token.kind is Kind.QUOTED or self._is_plain_word():
            return self.advance().text
        raise self.refused(code)

    def _is_plain_word(self) -> bool:
        word = self.token.word
        return word != "" and word not in _RESERVED and word not in _JOINS

    # Expressions

    def expression(self) -> tree.Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.refused(Code.UnsupportedSqlStructure)
        found = self._chain(self._conjunction, "OR")
        self._depth -= 1
        return found

    def _conjunction(self) -> tree.Expression:
        return self._chain(self._negation, "AND")

    def _chain(self, operand: Callable[[], tree.Expression], word: str) -> tree.Expression:
        operands = [operand()]
        while self.skip_word(word):
            operands.append(operand())
        return _balanced(word, operands)

    def _negation(self) -> tree.Expression:
        negations = 0
        while self.skip_word("NOT"):
            negations += 1
        found = self._predicate()
        return tree.Not(found) if negations % 2 else found

    def _predicate(self) -> tree.Expression:
        found = self.sum()
        while True:
            operator = _COMPARISONS.get(self.token.text)
            if self.token.kind is Kind.OPERATOR and operator is not None:
                self.advance()
                found = tree.Comparison(operator, found, self.sum())
            elif self.skip_word("IS"):
                found = self._is(found)
            elif self.token.word in ("NOT", "BETWEEN", "IN", "LIKE"):
                negated = bool(self.skip_word("NOT"))
                found = self._words(found)
                found = tree.Not(found) if negated else found
            else:
                return found

    def _is(self, operand: tree.Expression) -> tree.Expression:
        negated = bool(self.skip_word("NOT"))
        what = self.skip_word("NULL", "MISSING")
        if not what:
            raise self.refused(Code.ParseUnexpectedToken)
        found: tree.Expression = tree.IsNull(operand) if what == "NULL" else tree.IsMissing(operand)
        return tree.Not(found) if negated else found

    def _words(self, operand: tree.Expression) -> tree.Expression:
        match self.skip_word("BETWEEN", "IN", "LIKE"):
            case "BETWEEN":
                low = self.sum()
                self.expect_word("AND")
                return tree.Between(operand, low, self.sum())
            case "IN":
                self.expect("(", Code.ParseExpectedLeftParenValueConstructor)
                return tree.In(operand, self.arguments())
            case "LIKE":
                pattern = self.sum()
                return tree.Like(operand, pattern, self.sum() if self.skip_word("ESCAPE") else None)
        raise self.refused(Code.ParseUnexpectedToken)

    def sum(self) -> tree.Expression:
        """Read an expression without predicates."""
        return self._arithmetic(self._product, "+-")

    def _product(self) -> tree.Expression:
        return self._arithmetic(self._signed, "*/%")

    def _arithmetic(
        self, operand: Callable[[], tree.Expression], operators: str
    ) -> tree.Expression:
        found, count = operand(), 0
        while self.token.kind is Kind.OPERATOR and self.token.text in operators:
            operator = self.advance().text
            found = tree.Arithmetic(operator, found, operand())
            count += 1
            if count > MAX_DEPTH:
                raise self.refused(Code.UnsupportedSqlStructure)
        return found

    def _signed(self) -> tree.Expression:
        negative = False
        while self.token.kind is Kind.OPERATOR and self.token.text in "+-":
            negative ^= self.advance().text == "-"
        found = self._primary()
        if not negative:
            return found
        if isinstance(found, tree.Literal) and isinstance(found.value, int | Decimal):
            return tree.Literal(-found.value)
        return tree.Negative(found)

    def _primary(self) -> tree.Expression:
        token = self.token
        if token.kind is Kind.NUMBER:
            return self._number()
        if token.kind is Kind.TEXT:
            return tree.Literal(self.advance().text)
        if token.kind is Kind.ION:
            # Of Ion's literals, only timestamps are used.
            return tree.Function("TO_TIMESTAMP", (tree.Literal(self.advance().text),))
        if self.skip("("):
            found = self.expression()
            self.expect(")")
            return found
        match self.skip_word("TRUE", "FALSE", "NULL", "MISSING", "CASE"):
            case "TRUE" | "FALSE" as word:
                return tree.Literal(word == "TRUE")
            case "NULL":
                return tree.Literal(None)
            case "MISSING":
                return tree.Missing()
            case "CASE":
                return self.case()
        if token.kind is Kind.QUOTED:
            return self._path()
        if token.word in AGGREGATES or token.word in CALLS:
            after = self._tokens[self._next + 1]
            if after.kind is Kind.OPERATOR and after.text == "(":
                return self.call()
        if self._is_plain_word():
            return self._path()
        if token.word == "SELECT":
            raise self.refused(Code.UnsupportedSqlStructure)
        if token.word:
            raise self.refused(Code.ParseUnExpectedKeyword)
        raise self.refused(Code.ParseUnexpectedTerm)

    def _number(self) -> tree.Expression:
        text = self.advance().text
        return tree.Literal(int(text) if text.isdigit() and len(text) <= 18 else Decimal(text))

    def _path(self) -> tree.Path:
        token = self.advance()
        if self.token.kind is Kind.OPERATOR and self.token.text == "(":
            raise self.refused(Code.UnsupportedFunction)
        steps = [tree.Name(token.text, token.kind is Kind.QUOTED), *self.steps()]
        return tree.Path(tuple(steps))

    def steps(self) -> list[tree.Step]:
        """Read the steps of a path that follow its first name."""
        found: list[tree.Step] = []
        while True:
            if self.skip("."):
                found.append(self._member())
            elif self.skip("["):
                found.append(self._element())
                self.expect("]", Code.ParseInvalidPathComponent)
            else:
                return found
            if len(found) > MAX_DEPTH:
                raise self.refused(Code.ParseInvalidPathComponent)

    def _member(self) -> tree.Step:
        if self.skip("*"):
            return tree.EachMember()
        token = self.advance()
        if token.kind not in (Kind.WORD, Kind.QUOTED):
            self._next -= token.kind is not Kind.END
            raise self.refused(Code.ParseInvalidPathComponent)
        return tree.Name(token.text, token.kind is Kind.QUOTED)

    def _element(self) -> tree.Step:
        if self.skip("*"):
            return tree.EachElement()
        token = self.advance()
        if token.kind is Kind.TEXT:
            return tree.Name(token.text, quoted=True)
        if token.kind is Kind.NUMBER and token.text.isdigit() and len(token.text) < 10:
            return tree.Index(int(token.text))
        self._next -= token.kind is not Kind.END
        raise self.refused(Code.ParseInvalidPathComponent)


def _is_everything(expression: tree.Expression) -> bool:
    """Whether it is `s.*`, the whole record."""
    match expression:
        case tree.Path((tree.Name(), tree.EachMember())):
            return True
    return False


def _balanced(operator: str, operands: list[tree.Expression]) -> tree.Expression:
    """Return a chain of ANDs or ORs as a tree that is not deep: programs write thousands."""
    if len(operands) == 1:
        return operands[0]
    half = len(operands) // 2
    return tree.Logical(
        operator, _balanced(operator, operands[:half]), _balanced(operator, operands[half:])
    )
