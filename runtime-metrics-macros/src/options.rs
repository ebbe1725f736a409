//! What the macros share: options and their errors, names, labels, buckets, units.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, ExprUnary, Lit, LitStr, Path, Result, Token, UnOp, bracketed};

/// The path of the library, which `crate = …` changes where it goes by another name.
pub(crate) fn library(renamed: Option<&Path>) -> TokenStream {
    renamed.map_or_else(|| quote!(::runtime_metrics), ToTokens::to_token_stream)
}

/// The name of an option, any keyword included.
pub(crate) fn option_name(input: ParseStream<'_>) -> Result<Ident> {
    input.call(Ident::parse_any)
}

/// An option that is not among those there are.
pub(crate) fn unknown(name: &Ident, known: &[&str]) -> Error {
    let text = name.unraw().to_string();
    let near = nearest(&text, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Error::new(name.span(), format!("unknown option `{text}`{near} The options are: {}", known.join(", ")))
}

/// Sets an option that may be given once.
pub(crate) fn once<T>(slot: &mut Option<T>, name: &Ident, value: T) -> Result<()> {
    if slot.replace(value).is_some() {
        return Err(Error::new(name.span(), format!("`{}` is given twice; remove one", name.unraw())));
    }
    Ok(())
}

/// The known word that a misspelt one is likely to mean.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let best = known.iter().map(|other| (distance(word, other), *other)).min()?;
    (best.0 <= 1 + word.len() / 4).then_some(best.1)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// A string literal, with an error that says so.
pub(crate) fn string(input: ParseStream<'_>, what: &str) -> Result<LitStr> {
    if input.peek(LitStr) {
        return input.parse();
    }
    Err(input.error(format!("{what} must be a string literal, such as \"orders\"")))
}

/// Whether a literal can name a metric.
pub(crate) fn check_metric_name(literal: &LitStr) -> Result<()> {
    let name = literal.value();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':');
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    if name.starts_with(starts) && name.chars().all(fits) {
        return Ok(());
    }
    let mut mended: String = name.trim().chars().map(|c| if fits(c) { c } else { '_' }).collect();
    if !mended.starts_with(starts) {
        mended.insert(0, '_');
    }
    Err(Error::new(
        literal.span(),
        format!(
            "`{name}` is not a valid metric name; use letters, digits, `_`, `.` and `:`, not starting with a digit, such as \"{mended}\""
        ),
    ))
}

/// A piece put before a metric's name: what can begin one.
pub(crate) fn check_prefix(literal: &LitStr) -> Result<()> {
    if literal.value().is_empty() {
        return Err(Error::new(literal.span(), "the prefix is empty; leave it out"));
    }
    check_metric_name(literal)
}

pub(crate) fn check_label_name(literal: &LitStr) -> Result<()> {
    let name = literal.value();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || !name.chars().all(fits) {
        return Err(Error::new(
            literal.span(),
            format!("`{name}` is not a valid label name; use letters, digits and `_`, not starting with a digit"),
        ));
    }
    if name.starts_with("__") || matches!(&*name, "le" | "quantile" | "overflow") {
        return Err(Error::new(literal.span(), format!("the label `{name}` is reserved; choose another name")));
    }
    Ok(())
}

/// `["a", "b"]`: the labels of a declaration.
pub(crate) fn label_names(input: ParseStream<'_>, reserved: &[&str]) -> Result<Vec<LitStr>> {
    if !input.peek(syn::token::Bracket) {
        return Err(input.error("labels must be a list of names, such as [\"tier\", \"zone\"]"));
    }
    let content;
    bracketed!(content in input);
    let mut names: Vec<LitStr> = Vec::new();
    while !content.is_empty() {
        let name = string(&content, "the name of a label")?;
        check_label_name(&name)?;
        if reserved.contains(&&*name.value()) {
            let text = format!("the label `{}` is set by the attribute itself; choose another name", name.value());
            return Err(Error::new(name.span(), text));
        }
        if names.iter().any(|other| other.value() == name.value()) {
            return Err(Error::new(name.span(), format!("the label `{}` is given twice; remove one", name.value())));
        }
        names.push(name);
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    Ok(names)
}

/// `{"a" => value, …}`: the labels of a record.
pub(crate) struct LabelValues(pub(crate) Vec<(LitStr, Expr)>);

impl Parse for LabelValues {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if !input.peek(syn::token::Brace) {
            return Err(input.error("labels must be given as { \"name\" => value, … }"));
        }
        let content;
        syn::braced!(content in input);
        let mut labels: Vec<(LitStr, Expr)> = Vec::new();
        while !content.is_empty() {
            let name = string(&content, "the name of a label")?;
            check_label_name(&name)?;
            if labels.iter().any(|(other, _)| other.value() == name.value()) {
                return Err(Error::new(
                    name.span(),
                    format!("the label `{}` is given twice; remove one", name.value()),
                ));
            }
            if !content.peek(Token![=>]) {
                return Err(content.error(format!("write \"{}\" => value", name.value())));
            }
            content.parse::<Token![=>]>()?;
            labels.push((name, content.parse()?));
            if !content.is_empty() {
                content.parse::<Token![,]>()?;
            }
        }
        Ok(Self(labels))
    }
}

/// `[0.1, 1, 10]`: bounds that are literals are checked here, others by the compiler's evaluation.
pub(crate) struct Bounds {
    bounds: Vec<Expr>,
    span: Span,
}

/// The most bounds that the library takes.
const MOST_BOUNDS: usize = 120;

impl Parse for Bounds {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if !input.peek(syn::token::Bracket) {
            return Err(input.error("buckets must be a list of upper bounds, such as [0.1, 1.0, 10.0]"));
        }
        let content;
        let bracket = bracketed!(content in input);
        let span = bracket.span.join();
        let bounds: Vec<Expr> = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?.into_iter().collect();
        if bounds.is_empty() {
            let text = "there are no bounds; give at least one, or leave the buckets out for exponential ones";
            return Err(Error::new(span, text));
        }
        if bounds.len() > MOST_BOUNDS {
            return Err(Error::new(
                span,
                format!("there are more than {MOST_BOUNDS} bounds; use fewer, or leave the buckets out"),
            ));
        }
        let values: Vec<Option<f64>> = bounds.iter().map(number).collect::<Result<_>>()?;
        for (at, pair) in values.windows(2).enumerate() {
            if let [Some(lower), Some(upper)] = pair
                && lower >= upper
            {
                let text = format!("bucket bounds must rise, but {upper} follows {lower}; sort them");
                return Err(Error::new(bounds[at + 1].span(), text));
            }
        }
        Ok(Self { bounds, span })
    }
}

/// The value of a literal; `None` for another expression.
fn number(expr: &Expr) -> Result<Option<f64>> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => Ok(int.base10_parse().ok()),
        Expr::Lit(ExprLit { lit: Lit::Float(float), .. }) => Ok(float.base10_parse().ok()),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => Ok(number(expr)?.map(|value| -value)),
        Expr::Group(inner) => number(&inner.expr),
        Expr::Lit(other) => Err(Error::new(other.span(), "a bucket bound must be a number")),
        _ => Ok(None),
    }
}

impl Bounds {
    /// `.buckets(&[…])`, with a constant check that the bounds can be used.
    pub(crate) fn call(&self, library: &TokenStream) -> TokenStream {
        let bounds = self.bounds.iter().map(|bound| match number(bound) {
            Ok(Some(value)) => Literal::f64_unsuffixed(value).to_token_stream(),
            _ => bound.to_token_stream(),
        });
        quote_spanned!(self.span=> .buckets(#library::__private::checked(&[#(#bounds),*])))
    }
}

/// `module_path!()`, `file!()` and `line!()` of the place that the macro stands at.
pub(crate) fn source(private: &TokenStream) -> TokenStream {
    quote!(#private::Source::new(::core::module_path!(), ::core::file!(), ::core::line!()))
}

/// `name(…)` as an option of a builder, if there is a value.
pub(crate) fn call<T: ToTokens>(name: &str, value: Option<&T>) -> TokenStream {
    let name = format_ident!("{name}");
    value.map(|value| quote!(.#name(#value))).unwrap_or_default()
}

/// The kinds of metric that a declaration can have: as written, what records into them, and the
/// handle's type.
pub(crate) const KINDS: &[(&str, &str, &str)] = &[
    ("counter", "Counter", "Counter"),
    ("gauge", "Gauge", "Gauge"),
    ("histogram", "Histogram", "Histogram"),
    ("summary", "Summary", "Summary"),
    ("timer", "Histogram", "Timer"),
    ("set", "Set", "Set"),
];

/// What `type = "…"` or the type of a field says.
#[derive(Clone, Copy)]
pub(crate) struct MetricKind {
    pub(crate) word: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) handle: &'static str,
}

impl MetricKind {
    pub(crate) fn named(word: &str, span: Span) -> Result<Self> {
        let found = KINDS.iter().find(|(known, ..)| *known == word.to_ascii_lowercase());
        if let Some((word, kind, handle)) = found {
            return Ok(Self { word, kind, handle });
        }
        if word.eq_ignore_ascii_case("rate") {
            return Err(Error::new(
                span,
                "a rate is derived from a counter, which a declaration can't name; make it where the counter is at hand: Rate::new(name, help).of(&counter).register()",
            ));
        }
        let words: Vec<&str> = KINDS.iter().map(|(word, ..)| *word).collect();
        let near = nearest(&word.to_ascii_lowercase(), &words)
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        Err(Error::new(span, format!("`{word}` is not a kind of metric{near} The kinds are: {}", words.join(", "))))
    }

    pub(crate) fn has_buckets(self) -> bool {
        self.kind == "Histogram"
    }
}

/// The same item without our attribute's work, behind an error: what follows still resolves.
pub(crate) fn with_error(error: &Error, item: &TokenStream) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#error #item)
}
