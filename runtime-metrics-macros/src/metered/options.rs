//! The options of `#[metered]`.

use crate::options::{
    Bounds, check_label_name, check_metric_name, check_prefix, label_names, once, option_name, string, unknown,
};
use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, ExprLit, Lit, LitBool, LitInt, LitStr, Path, Result, Token, parenthesized};

const OPTIONS: &[&str] = &[
    "name",
    "prefix",
    "service",
    "event",
    "emitted_at",
    "buckets",
    "sample",
    "duration",
    "labels",
    "ok_if",
    "error_if",
    "span",
    "skip",
    "crate",
];

/// Labels that the attribute sets by itself.
const OWN_LABELS: &[&str] = &["action", "service", "outcome", "event"];

#[derive(Default)]
pub(crate) struct Options {
    pub(super) name: Option<LitStr>,
    pub(super) prefix: Option<LitStr>,
    pub(crate) service: Option<LitStr>,
    pub(super) event: Option<LitStr>,
    pub(super) emitted_at: Option<Expr>,
    pub(super) buckets: Option<Bounds>,
    /// One in so many calls is timed.
    pub(super) sample: Option<LitInt>,
    pub(super) duration: Option<LitBool>,
    pub(super) labels: Option<Labels>,
    pub(super) verdict: Option<Verdict>,
    /// Calls are spans.
    pub(super) span: Option<Ident>,
    pub(crate) skip: Option<Ident>,
    pub(crate) library: Option<Path>,
}

/// An expression that decides whether a value means success.
pub(super) struct Verdict {
    /// `error_if` rather than `ok_if`.
    pub(super) error: bool,
    pub(super) test: Expr,
}

/// Labels of the calls.
#[derive(Default)]
pub(super) struct Labels {
    /// Given their values while the call runs, by `add_label!` or an expression over the arguments.
    pub(super) keys: Vec<LitStr>,
    /// Expressions over the arguments.
    pub(super) given: Vec<(LitStr, Expr)>,
    /// Written out.
    pub(super) constant: Vec<(LitStr, LitStr)>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let option = option_name(input)?;
            options.set(&option, input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        match (&options.event, &options.name, &options.emitted_at) {
            (Some(event), Some(_), _) => {
                Err(Error::new(event.span(), "`event` gives the metrics their names; remove `name`, or use `prefix`"))
            }
            (None, _, Some(emitted_at)) => Err(Error::new_spanned(
                emitted_at,
                "`emitted_at` tells when an event was emitted; say which with `event = \"…\"`",
            )),
            _ => options.check_duration(),
        }
    }
}

impl Options {
    /// Whether calls are timed at all.
    pub(super) fn is_timed(&self) -> bool {
        self.duration.as_ref().is_none_or(|duration| duration.value)
    }

    /// Without durations there is nothing to say about them.
    fn check_duration(self) -> Result<Self> {
        let buckets = self.buckets.as_ref().map(|_| "buckets");
        match (buckets.or(self.sample.as_ref().map(|_| "sample")), &self.duration) {
            (Some(other), Some(duration)) if !duration.value => Err(Error::new(
                duration.span(),
                format!("`duration = false` leaves out what `{other}` is about; remove one of the two"),
            )),
            _ => Ok(self),
        }
    }

    fn set(&mut self, option: &Ident, input: ParseStream<'_>) -> Result<()> {
        let text = option.unraw().to_string();
        if !OPTIONS.contains(&&*text) {
            return Err(unknown(option, OPTIONS));
        }
        match &*text {
            "skip" => return once(&mut self.skip, option, option.clone()),
            "span" if input.is_empty() || input.peek(Token![,]) => {
                return once(&mut self.span, option, option.clone());
            }
            "span" => return Err(Error::new(option.span(), "`span` takes no value: #[metered(span)]")),
            _ => {}
        }
        if text == "labels" && input.peek(syn::token::Paren) {
            return once(&mut self.labels, option, Labels::over_arguments(input)?);
        }
        if !input.peek(Token![=]) {
            return Err(Error::new(option.span(), format!("`{text}` needs a value: {text} = …")));
        }
        input.parse::<Token![=]>()?;
        match &*text {
            "name" => once(&mut self.name, option, checked(input, "the name", check_metric_name)?),
            "prefix" => once(&mut self.prefix, option, checked(input, "the prefix", check_prefix)?),
            "service" => once(&mut self.service, option, checked(input, "the service", not_empty)?),
            "event" => once(&mut self.event, option, checked(input, "the event", not_empty)?),
            "emitted_at" => once(&mut self.emitted_at, option, input.parse()?),
            // `histogram_buckets` is renamed before this: see `parse_options`.
            "buckets" => once(&mut self.buckets, option, input.parse()?),
            "sample" => once(&mut self.sample, option, sample(input)?),
            "duration" => once(&mut self.duration, option, input.parse()?),
            "labels" => {
                let keys = label_names(input, OWN_LABELS)?;
                once(&mut self.labels, option, Labels { keys, ..Labels::default() })
            }
            "ok_if" | "error_if" => {
                let verdict = Verdict { error: text == "error_if", test: input.parse()? };
                if self.verdict.is_some() {
                    return Err(Error::new(
                        option.span(),
                        "the outcome is decided twice; keep one of `ok_if` and `error_if`",
                    ));
                }
                once(&mut self.verdict, option, verdict)
            }
            _ => once(&mut self.library, option, input.parse()?),
        }
    }
}

impl Labels {
    /// `labels(tier = user.tier(), zone = "north")`
    fn over_arguments(input: ParseStream<'_>) -> Result<Self> {
        let content;
        parenthesized!(content in input);
        let mut labels = Self::default();
        let mut names: Vec<String> = Vec::new();
        while !content.is_empty() {
            let name = if content.peek(LitStr) {
                content.parse::<LitStr>()?
            } else {
                let ident = option_name(&content)?;
                LitStr::new(&ident.unraw().to_string(), ident.span())
            };
            check_label_name(&name)?;
            let text = name.value();
            if OWN_LABELS.contains(&&*text) {
                return Err(Error::new(
                    name.span(),
                    format!("the label `{text}` is set by the attribute itself; choose another name"),
                ));
            }
            if names.contains(&text) {
                return Err(Error::new(name.span(), format!("the label `{text}` is given twice; remove one")));
            }
            if !content.peek(Token![=]) {
                return Err(Error::new(name.span(), format!("the label `{text}` needs a value: {text} = …")));
            }
            content.parse::<Token![=]>()?;
            match content.parse::<Expr>()? {
                Expr::Lit(ExprLit { lit: Lit::Str(value), .. }) => labels.constant.push((name, value)),
                value => {
                    labels.keys.push(name.clone());
                    labels.given.push((name, value));
                }
            }
            names.push(text);
            if !content.is_empty() {
                content.parse::<Token![,]>()?;
            }
        }
        Ok(labels)
    }
}

fn checked(input: ParseStream<'_>, what: &str, check: impl Fn(&LitStr) -> Result<()>) -> Result<LitStr> {
    let literal = string(input, what)?;
    check(&literal)?;
    Ok(literal)
}

/// `sample = 16`
fn sample(input: ParseStream<'_>) -> Result<LitInt> {
    let error = |span| {
        let text =
            "`sample = 16` times one in 16 calls; give it a whole number from 1 on (for none: `duration = false`)";
        Error::new(span, text)
    };
    let literal: LitInt = input.parse().map_err(|other| error(other.span()))?;
    match literal.base10_parse::<u32>() {
        Ok(1..) => Ok(literal),
        _ => Err(error(literal.span())),
    }
}

fn not_empty(literal: &LitStr) -> Result<()> {
    if literal.value().is_empty() {
        return Err(Error::new(literal.span(), "this is empty; give it a text or leave it out"));
    }
    Ok(())
}

/// Parses the options; `histogram_buckets` is another word for `buckets`.
pub(crate) fn parse_options(tokens: TokenStream) -> Result<Options> {
    let renamed = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(ident) if ident == "histogram_buckets" => {
            TokenTree::Ident(Ident::new("buckets", ident.span()))
        }
        token => token,
    });
    syn::parse2(renamed.collect())
}
