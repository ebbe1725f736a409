//! `#[metrics]`: a type becomes a measured service, an `impl` block a set of measured methods.

use crate::metered;
use crate::metric::Declaration;
use crate::options::{
    MetricKind, call, check_metric_name, check_prefix, library, once, option_name, source, string, unknown, with_error,
};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Error, Field, Fields, ImplItem, ImplItemFn, Item, ItemImpl, LitBool, LitStr, Meta, Path, Result, Token,
    Type,
};

const OPTIONS: &[&str] = &["prefix", "service", "events", "crate"];

#[derive(Default)]
struct Options {
    prefix: Option<(Ident, LitStr)>,
    service: Option<LitStr>,
    events: Option<(Ident, bool)>,
    library: Option<Path>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let option = option_name(input)?;
            let text = option.unraw().to_string();
            if !OPTIONS.contains(&&*text) {
                return Err(unknown(&option, OPTIONS));
            }
            if !input.peek(Token![=]) {
                return Err(Error::new(option.span(), format!("`{text}` needs a value: {text} = …")));
            }
            input.parse::<Token![=]>()?;
            match &*text {
                "prefix" => {
                    let prefix = string(input, "the prefix")?;
                    check_prefix(&prefix)?;
                    once(&mut options.prefix, &option, (option.clone(), prefix))?;
                }
                "events" => once(&mut options.events, &option, (option.clone(), input.parse::<LitBool>()?.value))?,
                "service" => once(&mut options.service, &option, string(input, "the service")?)?,
                _ => once(&mut options.library, &option, input.parse()?)?,
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let result = syn::parse2::<Options>(options).and_then(|options| match syn::parse2::<Item>(item.clone())? {
        Item::Struct(mut target) => {
            let generics = target.generics.clone();
            let fields = metric_fields(&mut target.fields, &options)?;
            Ok(service(&options, &target.ident, &generics, &fields, &quote!(#target)))
        }
        Item::Enum(target) => Ok(service(&options, &target.ident, &target.generics, &[], &quote!(#target))),
        Item::Impl(target) => methods(&options, target),
        Item::Fn(function) => Err(Error::new_spanned(
            &function.sig.ident,
            "`#[metrics]` goes on a struct or an `impl` block; for a function there is `#[metered]`",
        )),
        other => Err(Error::new_spanned(other, "`#[metrics]` goes on a struct or an `impl` block")),
    });
    result.unwrap_or_else(|error| with_error(&error, &without_marks(item)))
}

/// The item without the marks on its fields, which mean nothing to the compiler.
fn without_marks(item: TokenStream) -> TokenStream {
    let Ok(Item::Struct(mut target)) = syn::parse2::<Item>(item.clone()) else { return item };
    for field in &mut target.fields {
        field.attrs.retain(|attribute| !attribute.path().is_ident("metric_field"));
    }
    quote!(#target)
}

fn service(
    options: &Options,
    ident: &Ident,
    generics: &syn::Generics,
    fields: &[MetricField],
    item: &TokenStream,
) -> TokenStream {
    let library = library(options.library.as_ref());
    let private = quote!(#library::__private);
    let source = source(&private);
    let name = options.service.clone().unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
    let prefix = call("prefix", options.prefix.as_ref().map(|(_, prefix)| prefix));
    let events = options.events.as_ref().filter(|(_, events)| *events).map(|_| quote!(.events()));
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let handles = fields.iter().map(|field| field.constructor(&library));
    let constructors = (!fields.is_empty()).then(|| {
        quote! {
            impl #impl_generics #ident #type_generics #where_clause {
                #(#handles)*
            }
        }
    });
    quote! {
        #item

        impl #impl_generics #private::MeasuredService for #ident #type_generics #where_clause {
            fn service() -> &'static #private::Service {
                static SERVICE: #private::Service = #private::Service::new(#name, #source) #prefix #events;
                #library::__submit!(Service, SERVICE);
                &SERVICE
            }
        }

        #constructors
    }
}

/// A field that is a metric: registered at link time under the prefix and the field's name.
struct MetricField {
    field: Ident,
    name: LitStr,
    kind: MetricKind,
    declaration: Declaration,
}

/// Takes the `#[metric_field]` attributes off the fields.
fn metric_fields(fields: &mut Fields, options: &Options) -> Result<Vec<MetricField>> {
    let mut found = Vec::new();
    for field in fields {
        let (marks, others): (Vec<Attribute>, Vec<Attribute>) = std::mem::take(&mut field.attrs)
            .into_iter()
            .partition(|attribute| attribute.path().is_ident("metric_field"));
        field.attrs = others;
        match &*marks {
            [] => {}
            [mark] => found.push(metric_field(mark, field, options)?),
            [_, again, ..] => return Err(Error::new_spanned(again, "`#[metric_field]` is given twice; remove one")),
        }
    }
    Ok(found)
}

fn metric_field(mark: &Attribute, field: &Field, options: &Options) -> Result<MetricField> {
    let declaration = match &mark.meta {
        Meta::Path(_) => Declaration::default(),
        _ => mark.parse_args::<Declaration>()?,
    };
    let Some(ident) = field.ident.clone() else {
        return Err(Error::new_spanned(&field.ty, "a metric takes its name from its field; give the fields names"));
    };
    let kind = match (declaration.kind, &field.ty) {
        (Some(kind), _) => kind,
        (None, Type::Path(path)) => {
            let word = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            MetricKind::named(&word, ident.span()).map_err(|error| {
                let text = "the type of a `#[metric_field]` must be Counter, Gauge, Histogram, Summary, Timer or Set; for an alias say #[metric_field(type = \"…\")]";
                if word == "Rate" { Error::new_spanned(&field.ty, error) } else { Error::new_spanned(&field.ty, text) }
            })?
        }
        (None, other) => {
            return Err(Error::new_spanned(
                other,
                "the type of a `#[metric_field]` must be Counter, Gauge, Histogram, Summary, Timer or Set",
            ));
        }
    };
    declaration.check(kind)?;
    let own = declaration.name.as_ref().map_or_else(|| ident.unraw().to_string(), LitStr::value);
    let prefix = options.prefix.as_ref().map(|(_, prefix)| prefix.value()).unwrap_or_default();
    let span = declaration.name.as_ref().map_or(ident.span(), LitStr::span);
    let name = LitStr::new(&format!("{prefix}{own}"), span);
    check_metric_name(&name)?;
    Ok(MetricField { field: ident, name, kind, declaration })
}

impl MetricField {
    /// `Self::metric_<field>()`: the handle that a constructor puts into the field.
    fn constructor(&self, library: &TokenStream) -> TokenStream {
        let private = quote!(#library::__private);
        let function = format_ident!("metric_{}", self.field.unraw());
        let handle = format_ident!("{}", self.kind.handle);
        let site = self.declaration.site(self.kind, &self.name, library);
        let text = format!("The metric `{}`, for the field `{}`.", self.name.value(), self.field);
        // With labels there is no series without them: the field holds what `with` starts from.
        quote! {
            #[doc = #text]
            #[allow(dead_code)] // a constructor may register the metric by hand
            fn #function() -> #private::#handle {
                static SITE: #private::Site = #site;
                #library::__submit!(Metric, SITE);
                #private::handle(&SITE)
            }
        }
    }
}

/// Puts `#[metered(service = "…")]` on each method of an `impl` block.
fn methods(options: &Options, mut target: ItemImpl) -> Result<TokenStream> {
    if let Some((option, _)) = &options.prefix {
        return Err(Error::new(
            option.span(),
            "`prefix` goes on the struct's `#[metrics]`, or on the `#[metered]` of a method",
        ));
    }
    if let Some((option, _)) = &options.events {
        return Err(Error::new(option.span(), "`events` goes on the struct's `#[metrics]`"));
    }
    let library = library(options.library.as_ref());
    let service = match (&options.service, &*target.self_ty) {
        (Some(service), _) => service.clone(),
        (None, Type::Path(path)) if !path.path.segments.is_empty() => {
            let last = path.path.segments.last().map_or_else(|| format_ident!("Self"), |last| last.ident.clone());
            LitStr::new(&last.unraw().to_string(), last.span())
        }
        (None, other) => {
            return Err(Error::new_spanned(other, "this type has no name; say #[metrics(service = \"…\")]"));
        }
    };
    let measured = Methods { service, library, renamed: options.library.clone() };
    for item in &mut target.items {
        if let ImplItem::Fn(method) = item {
            measured.mark(method)?;
        }
    }
    Ok(quote!(#target))
}

/// What the methods of a block have in common.
struct Methods {
    service: LitStr,
    library: TokenStream,
    renamed: Option<Path>,
}

impl Methods {
    /// Gives a method its `#[metered]`, or adds to what its author wrote.
    fn mark(&self, method: &mut ImplItemFn) -> Result<()> {
        let position = method.attrs.iter().position(|attribute| is_metered(attribute.path()));
        if let Some(at) = position {
            let given = method.attrs.remove(at);
            let attribute = self.metered(&tokens_of(&given.meta))?;
            method.attrs.splice(at..at, attribute);
            return Ok(());
        }
        if method.sig.constness.is_some() {
            return Ok(());
        }
        for at in 0..method.attrs.len() {
            if let Some((condition, given)) = conditionally_metered(&method.attrs[at])? {
                let then = self.metered(&given)?.into_iter().map(|then| on(&condition, &then));
                let otherwise = self.metered(&TokenStream::new())?;
                let otherwise = otherwise.into_iter().map(|otherwise| on(&quote!(not(#condition)), &otherwise));
                method.attrs.splice(at..=at, then.chain(otherwise));
                return Ok(());
            }
        }
        method.attrs.splice(0..0, self.metered(&TokenStream::new())?);
        Ok(())
    }

    /// The attribute with these options and the block's; none where they are `skip`.
    fn metered(&self, given: &TokenStream) -> Result<Option<Attribute>> {
        let parsed = metered::parse_options(given.clone())?;
        if parsed.skip.is_some() {
            return Ok(None);
        }
        let Self { service, library, renamed } = self;
        let separator = (!given.is_empty()).then(|| quote!(,));
        let service = parsed.service.is_none().then(|| quote!(#separator service = #service));
        let renamed = renamed.as_ref().filter(|_| parsed.library.is_none()).map(|path| quote!(, crate = #path));
        Ok(Some(syn::parse_quote!(#[#library::metered(#given #service #renamed)])))
    }
}

fn is_metered(path: &Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident == "metered")
}

fn tokens_of(meta: &Meta) -> TokenStream {
    match meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    }
}

/// `#[cfg_attr(condition, metered(…))]`: the condition and the options.
fn conditionally_metered(attribute: &Attribute) -> Result<Option<(TokenStream, TokenStream)>> {
    if !attribute.path().is_ident("cfg_attr") {
        return Ok(None);
    }
    let metas = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?;
    let mut metas = metas.iter();
    let condition = metas.next();
    Ok(condition
        .zip(metas.find(|meta| is_metered(meta.path())))
        .map(|(condition, meta)| (quote!(#condition), tokens_of(meta))))
}

fn on(condition: &TokenStream, attribute: &Attribute) -> Attribute {
    let meta = &attribute.meta;
    syn::parse_quote!(#[cfg_attr(#condition, #meta)])
}
