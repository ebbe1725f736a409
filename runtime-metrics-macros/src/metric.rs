//! `#[metric]`: a unit struct becomes a metric.

use crate::options::{
    Bounds, MetricKind, call, check_metric_name, label_names, library, once, option_name, source, string, unknown,
    with_error,
};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Fields, ItemStruct, LitStr, Path, Result, Token, Visibility};

const OPTIONS: &[&str] = &["type", "name", "description", "unit", "labels", "buckets", "crate"];

/// What a declaration says, of `#[metric]` and of `#[metric_field]` alike.
#[derive(Default)]
pub(crate) struct Declaration {
    pub(crate) kind: Option<MetricKind>,
    pub(crate) name: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) unit: Option<LitStr>,
    pub(crate) labels: Option<Vec<LitStr>>,
    pub(crate) buckets: Option<(Ident, Bounds)>,
    pub(crate) library: Option<Path>,
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut declaration = Self::default();
        while !input.is_empty() {
            let option = option_name(input)?;
            // A short form for one of the kinds: `#[metric(counter, …)]`.
            if declaration.kind.is_none()
                && (input.is_empty() || input.peek(Token![,]))
                && let Ok(kind) = MetricKind::named(&option.to_string(), option.span())
            {
                declaration.kind = Some(kind);
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
                continue;
            }
            declaration.set(&option, input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(declaration)
    }
}

impl Declaration {
    fn set(&mut self, option: &Ident, input: ParseStream<'_>) -> Result<()> {
        let mut text = option.unraw().to_string();
        if text == "help" {
            "description".clone_into(&mut text);
        }
        if !OPTIONS.contains(&&*text) {
            return Err(unknown(option, OPTIONS));
        }
        if !input.peek(Token![=]) {
            return Err(Error::new(option.span(), format!("`{text}` needs a value: {text} = …")));
        }
        input.parse::<Token![=]>()?;
        match &*text {
            "type" => {
                let word = string(input, "the type")?;
                once(&mut self.kind, option, MetricKind::named(&word.value(), word.span())?)
            }
            "name" => {
                let name = string(input, "the name")?;
                check_metric_name(&name)?;
                once(&mut self.name, option, name)
            }
            "description" => once(&mut self.description, option, string(input, "the description")?),
            "unit" => once(&mut self.unit, option, string(input, "the unit")?),
            "labels" => once(&mut self.labels, option, label_names(input, &[])?),
            "buckets" => {
                let bounds = input.parse()?;
                once(&mut self.buckets, option, (option.clone(), bounds))
            }
            _ => once(&mut self.library, option, input.parse()?),
        }
    }

    /// Refuses what the kind does not have.
    pub(crate) fn check(&self, kind: MetricKind) -> Result<()> {
        if let Some((option, _)) = self.buckets.as_ref().filter(|_| !kind.has_buckets()) {
            return Err(Error::new(
                option.span(),
                format!("a {} has no buckets; remove them, or make it a histogram", kind.word),
            ));
        }
        match &self.unit {
            Some(unit) if kind.word == "timer" && unit.value() != "seconds" => {
                Err(Error::new(unit.span(), "a timer records seconds; remove the unit, or make it a histogram"))
            }
            _ => Ok(()),
        }
    }

    /// `Site::new(…)…` for a metric of this name.
    pub(crate) fn site(&self, kind: MetricKind, name: &LitStr, library: &TokenStream) -> TokenStream {
        let private = quote!(#library::__private);
        let variant = format_ident!("{}", kind.kind);
        let source = source(&quote!(#library::__private));
        let help = call("help", self.description.as_ref());
        let seconds = (kind.word == "timer").then(|| LitStr::new("seconds", name.span()));
        let unit = call("unit", self.unit.as_ref().or(seconds.as_ref()));
        let buckets = self.buckets.as_ref().map(|(_, buckets)| buckets.call(library)).unwrap_or_default();
        let keys = self.labels.as_deref().unwrap_or_default();
        quote! {
            #private::Site::new(#private::Kind::#variant, #name, #source) #help #unit #buckets .keys(&[#(#keys),*]).declares()
        }
    }
}

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    declare(options, item.clone()).unwrap_or_else(|error| with_error(&error, item))
}

fn declare(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let declaration: Declaration = syn::parse2(options)?;
    let item: ItemStruct = syn::parse2(item).map_err(|error| {
        Error::new(error.span(), "`#[metric]` goes on a unit struct: `struct Orders;` (for a function there is `#[metered]`, for a service `#[metrics]`)")
    })?;
    if !matches!(item.fields, Fields::Unit) {
        return Err(Error::new_spanned(
            &item.ident,
            "`#[metric]` goes on a unit struct; remove the fields, or use `#[metrics]` with `#[metric_field]`",
        ));
    }
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(&item.generics, "a metric can't be generic: there is one of it in the program"));
    }
    let ident = &item.ident;
    let kind = declaration.kind.ok_or_else(|| {
        Error::new(ident.span(), "the type is missing: #[metric(type = \"counter\", name = \"orders\")]")
    })?;
    let name = declaration.name.as_ref().ok_or_else(|| {
        Error::new(ident.span(), "the name is missing: #[metric(type = \"counter\", name = \"orders\")]")
    })?;
    declaration.check(kind)?;

    let library = library(declaration.library.as_ref());
    let private = quote!(#library::__private);
    let site = declaration.site(kind, name, &library);
    let variant = format_ident!("{}", kind.kind);
    let handle = format_ident!("{}", kind.handle);
    let labels = declaration.labels.as_deref().unwrap_or_default();
    let access = access(&declaration, kind, &item.vis, &library);
    let listed = labels.iter().map(LitStr::value).collect::<Vec<_>>().join(", ");
    let unknown_label = if listed.is_empty() {
        format!("unknown label: {ident} declares no labels; add it to `labels = […]` of its #[metric]")
    } else {
        format!(
            "unknown label: {ident} declares the labels {listed}; use one of them or add it to `labels = […]` of its #[metric]"
        )
    };
    let wrong_kind =
        format!("{ident} is a {}; record into it with {}", kind.word, recorded_by(kind, ident, labels.is_empty()));
    Ok(quote! {
        #[allow(dead_code)] // a metric may be recorded into by its name alone
        #item

        impl #ident {
            #access
        }

        impl #private::Declared for #ident {
            const NAME: &'static str = #name;
            const DECLARED: #private::Declaration = #private::Declaration {
                kind: #private::Kind::#variant,
                labels: &[#(#labels),*],
                unknown_label: #unknown_label,
                wrong_kind: #wrong_kind,
            };
            type Handle = #private::#handle;

            fn site() -> &'static #private::Site {
                static SITE: #private::Site = #site;
                #library::__submit!(Metric, SITE);
                &SITE
            }
        }
    })
}

fn recorded_by(kind: MetricKind, ident: &Ident, plain: bool) -> String {
    let by_handle = |method| format!("{ident}::{}.{method}(value)", if plain { "handle()" } else { "with(…)" });
    match kind.kind {
        "Counter" => "increment!".to_owned(),
        "Gauge" => "set!".to_owned(),
        "Summary" => by_handle("observe"),
        "Set" => by_handle("insert"),
        _ => "observe! or timer!".to_owned(),
    }
}

/// The way to the handle: `handle` without labels, `with` with them.
fn access(declaration: &Declaration, kind: MetricKind, visibility: &Visibility, library: &TokenStream) -> TokenStream {
    let private = quote!(#library::__private);
    let handle = format_ident!("{}", kind.handle);
    let labels = declaration.labels.as_deref().unwrap_or_default();
    if labels.is_empty() {
        return quote! {
            /// The handle: keep it, or call it at once.
            #[allow(dead_code)]
            #visibility fn handle() -> #private::#handle {
                #private::handle(<Self as #private::Declared>::site())
            }
        };
    }
    let parameters: Vec<Ident> = labels.iter().map(parameter).collect();
    quote! {
        /// The series with these label values, in the order in which the labels are declared.
        #[allow(dead_code)]
        #visibility fn with(#(#parameters: impl #private::LabelValue),*) -> #private::#handle {
            #private::handle_with(
                <Self as #private::Declared>::site(),
                &[#(#private::LabelValue::label_key(&#parameters)),*],
            )
        }
    }
}

fn parameter(label: &LitStr) -> Ident {
    let text = label.value();
    syn::parse_str::<Ident>(&text).unwrap_or_else(|_| format_ident!("{text}_"))
}
