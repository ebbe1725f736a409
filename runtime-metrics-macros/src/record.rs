//! `increment!`, `set!`, `observe!`, `timer!` and `add_label!`.

use crate::options::{
    Bounds, LabelValues, call, check_label_name, check_metric_name, library, once, option_name, source, string, unknown,
};
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, LitStr, Path, Result, Token, Type};

/// Which of the macros it is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Record {
    Increment,
    Set,
    Observe,
    Timer,
}

impl Record {
    fn name(self) -> &'static str {
        match self {
            Self::Increment => "increment",
            Self::Set => "set",
            Self::Observe => "observe",
            Self::Timer => "timer",
        }
    }

    fn kind(self) -> Ident {
        format_ident!(
            "{}",
            match self {
                Self::Increment => "Counter",
                Self::Set => "Gauge",
                Self::Observe | Self::Timer => "Histogram",
            }
        )
    }

    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Increment | Self::Set => &["value", "labels", "help", "unit", "crate"],
            Self::Observe => &["value", "labels", "help", "unit", "buckets", "crate"],
            Self::Timer => &["labels", "help", "buckets", "crate"],
        }
    }
}

/// A metric by its name, or by the type that `#[metric]` declared.
enum Target {
    Name(LitStr),
    Declared(Box<Type>),
}

struct Call {
    target: Target,
    value: Option<Expr>,
    labels: Option<LabelValues>,
    help: Option<LitStr>,
    unit: Option<LitStr>,
    buckets: Option<Bounds>,
    library: Option<Path>,
}

impl Call {
    fn parse(record: Record, input: ParseStream<'_>) -> Result<Self> {
        let name = record.name();
        if input.is_empty() {
            return Err(Error::new(
                Span::call_site(),
                format!("`{name}!` needs the name of a metric, such as {name}!(\"orders\")"),
            ));
        }
        let target =
            if input.peek(LitStr) {
                let literal: LitStr = input.parse()?;
                check_metric_name(&literal)?;
                Target::Name(literal)
            } else if input.peek(Lit) {
                return Err(input.error("the name of a metric must be a string literal, such as \"orders\""));
            } else {
                let ahead = input.fork();
                match ahead.parse::<Type>() {
                    Ok(kind) if matches!(bare(&kind), Type::Path(_)) && (ahead.is_empty() || ahead.peek(Token![,])) => {
                        Target::Declared(Box::new(input.parse()?))
                    }
                    _ => return Err(input.error(
                        "the metric must be a string literal, such as \"orders\", or a type that #[metric] declares",
                    )),
                }
            };
        let mut call = Self { target, value: None, labels: None, help: None, unit: None, buckets: None, library: None };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            call.option(record, input)?;
        }
        if call.value.is_none() && matches!(record, Record::Set | Record::Observe) {
            return Err(Error::new(Span::call_site(), format!("`{name}!` needs a value: {name}!(\"…\", value: 42)")));
        }
        Ok(call)
    }

    fn option(&mut self, record: Record, input: ParseStream<'_>) -> Result<()> {
        if !(input.peek(syn::Ident::peek_any) && (input.peek2(Token![:]) || input.peek2(Token![=]))) {
            return Err(input.error(format!(
                "expected an option such as `{0}: …`; the options of `{1}!` are: {2}",
                record.options()[0],
                record.name(),
                record.options().join(", ")
            )));
        }
        let option = option_name(input)?;
        let text = option.to_string();
        if !record.options().contains(&&*text) {
            return Err(unknown(&option, record.options()));
        }
        if input.peek(Token![=]) {
            return Err(input.error(format!("write `{text}: …`, with a colon")));
        }
        input.parse::<Token![:]>()?;
        match &*text {
            "value" => once(&mut self.value, &option, input.parse()?),
            "labels" => once(&mut self.labels, &option, input.parse()?),
            "help" => once(&mut self.help, &option, string(input, "the help")?),
            "unit" => once(&mut self.unit, &option, string(input, "the unit")?),
            "buckets" => once(&mut self.buckets, &option, input.parse()?),
            _ => once(&mut self.library, &option, input.parse()?),
        }
    }
}

pub(crate) fn expand(record: Record, input: TokenStream) -> TokenStream {
    let parser = |input: ParseStream<'_>| Call::parse(record, input);
    match syn::parse::Parser::parse2(parser, input) {
        Ok(call) => call.expand(record),
        Err(error) => error.to_compile_error(),
    }
}

impl Call {
    fn expand(self, record: Record) -> TokenStream {
        let library = library(self.library.as_ref());
        let private = quote!(#library::__private);
        let kind = record.kind();
        let source = source(&quote!(#library::__private));
        let (name, checks) = match &self.target {
            Target::Name(name) => (quote!(#name), TokenStream::new()),
            Target::Declared(declared) => {
                (quote!(<#declared as #private::Declared>::NAME), self.check_declared(declared, &private, record))
            }
        };
        let labels = self.labels.map(|labels| labels.0).unwrap_or_default();
        // What is written out can't differ from call to call: it is part of the series, not looked up.
        let (constant, given): (Vec<_>, Vec<_>) = labels.into_iter().partition(|(_, value)| is_text(value));
        let constant = (!constant.is_empty()).then(|| {
            let pairs = constant.iter().map(|(name, value)| quote!((#name, #value)));
            quote!(.labels(&[#(#pairs),*]))
        });
        let keys = (!given.is_empty()).then(|| {
            let names = given.iter().map(|(name, _)| name);
            quote!(.keys(&[#(#names),*]))
        });
        let help = call("help", self.help.as_ref());
        let seconds = LitStr::new("seconds", Span::mixed_site());
        let unit = call("unit", self.unit.as_ref().or((record == Record::Timer).then_some(&seconds)));
        let buckets = self.buckets.map(|buckets| buckets.call(&library)).unwrap_or_default();

        let value = match (record, &self.value) {
            (Record::Timer, _) => None,
            (Record::Increment, None) => Some(quote!(1u64)),
            (_, Some(value)) => Some(quote!(#value)),
            (_, None) => None, // refused when it was parsed
        };
        let verb =
            if given.is_empty() { format_ident!("{}", record.name()) } else { format_ident!("{}_with", record.name()) };
        let values = (!given.is_empty()).then(|| {
            let texts = given
                .iter()
                .map(|(_, value)| quote_spanned!(value.span()=> #private::LabelValue::label_key(&(#value))));
            quote!(&[#(#texts),*])
        });
        // What a thread remembers of this place: where its cell is.
        let here = (record == Record::Increment && given.is_empty()).then(|| {
            quote! {
                ::std::thread_local! {
                    static HERE: #private::Remembered = const { #private::Remembered::nothing() };
                }
            }
        });
        let key = here.is_some().then(|| quote!(&HERE));
        let arguments = key.into_iter().chain(value).chain(values);
        quote! {{
            #checks
            static SITE: #private::Site =
                #private::Site::new(#private::Kind::#kind, #name, #source) #help #unit #buckets #constant #keys;
            #library::__submit!(Metric, SITE);
            #here
            #private::#verb(&SITE, #(#arguments),*)
        }}
    }

    /// What the compiler can check of a call that names a declared metric: its kind, its labels.
    fn check_declared(&self, declared: &Type, private: &TokenStream, record: Record) -> TokenStream {
        let kind = record.kind();
        let declared_by = quote!(<#declared as #private::Declared>::DECLARED);
        let check = quote!(const _: () = #private::check_kind(#declared_by, #private::Kind::#kind););
        let kind_check = respanned(check, declared.span());
        let labels =
            self.labels.iter().flat_map(|labels| &labels.0).map(|(name, _)| {
                respanned(quote!(const _: () = #private::check_label(#declared_by, #name);), name.span())
            });
        quote!(#kind_check #(#labels)*)
    }
}

/// The tokens as if they stood at `span`: an error in what they come to then points there.
fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let respan = |token| match token {
        TokenTree::Group(group) => {
            let mut respanned = Group::new(group.delimiter(), self::respanned(group.stream(), span));
            respanned.set_span(span);
            TokenTree::Group(respanned)
        }
        mut token => {
            token.set_span(span.resolved_at(token.span()));
            token
        }
    };
    tokens.into_iter().map(respan).collect()
}

/// A type without the invisible group that a `macro_rules!` puts around its `$t:ty`.
fn bare(kind: &Type) -> &Type {
    match kind {
        Type::Group(inner) => bare(&inner.elem),
        other => other,
    }
}

fn is_text(value: &Expr) -> bool {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => true,
        // The invisible group that a `macro_rules!` puts around its `$e:expr`.
        Expr::Group(inner) => is_text(&inner.expr),
        _ => false,
    }
}

/// `add_label!("name", value)`.
struct AddLabel {
    name: LitStr,
    value: Expr,
    library: Option<Path>,
}

impl Parse for AddLabel {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = string(input, "the name of a label")?;
        check_label_name(&name)?;
        if input.is_empty() {
            return Err(Error::new(
                name.span(),
                format!("`add_label!` needs a value: add_label!(\"{}\", value)", name.value()),
            ));
        }
        input.parse::<Token![,]>()?;
        let value = input.parse()?;
        let mut library = None;
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
        }
        if input.peek(Token![crate]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![:]>()?;
            library = Some(input.parse()?);
        }
        Ok(Self { name, value, library })
    }
}

pub(crate) fn expand_add_label(input: TokenStream) -> TokenStream {
    match syn::parse2::<AddLabel>(input) {
        Ok(AddLabel { name, value, library: renamed }) => {
            let library = library(renamed.as_ref());
            quote! {
                #library::__private::add_label(#name, &(#value), ::core::concat!(::core::file!(), ":", ::core::line!()))
            }
        }
        Err(error) => error.to_compile_error(),
    }
}
