//! `#[metered]`: a function becomes a measured function.

use crate::options::{
    Bounds, call, check_metric_name, check_prefix, label_names, library, once, option_name, source, string, unknown,
    with_error,
};
use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Block, Error, Expr, GenericArgument, LitStr, Path, PathArguments, Result, ReturnType, Signature, Stmt,
    Token, Type, TypeParamBound, Visibility,
};

const OPTIONS: &[&str] = &["name", "prefix", "service", "event", "buckets", "labels", "skip", "crate"];

/// Labels that the attribute sets by itself.
const OWN_LABELS: &[&str] = &["action", "service", "outcome", "event"];

#[derive(Default)]
pub(crate) struct Options {
    name: Option<LitStr>,
    prefix: Option<LitStr>,
    pub(crate) service: Option<LitStr>,
    event: Option<LitStr>,
    buckets: Option<Bounds>,
    labels: Option<Vec<LitStr>>,
    pub(crate) skip: Option<Ident>,
    pub(crate) library: Option<Path>,
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
        if let (Some(event), Some(_)) = (&options.event, &options.name) {
            return Err(Error::new(
                event.span(),
                "`event` gives the metrics their names; remove `name`, or use `prefix`",
            ));
        }
        Ok(options)
    }
}

impl Options {
    fn set(&mut self, option: &Ident, input: ParseStream<'_>) -> Result<()> {
        let text = option.unraw().to_string();
        if !OPTIONS.contains(&&*text) {
            return Err(unknown(option, OPTIONS));
        }
        if text == "skip" {
            return once(&mut self.skip, option, option.clone());
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
            // `histogram_buckets` is renamed before this: see `parse_options`.
            "buckets" => once(&mut self.buckets, option, input.parse()?),
            "labels" => once(&mut self.labels, option, label_names(input, OWN_LABELS)?),
            _ => once(&mut self.library, option, input.parse()?),
        }
    }
}

fn checked(input: ParseStream<'_>, what: &str, check: impl Fn(&LitStr) -> Result<()>) -> Result<LitStr> {
    let literal = string(input, what)?;
    check(&literal)?;
    Ok(literal)
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

/// A function: everything but its body is parsed, the body stays as it was written.
struct Function {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    default: Option<Token![default]>,
    signature: Signature,
    body: Group,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let default = if input.peek(Token![default]) { Some(input.parse()?) } else { None };
        let signature: Signature = input.parse().map_err(|error| {
            Error::new(error.span(), format!("{error}; `#[metered]` goes on a function or method (for a struct or an impl block there is `#[metrics]`)"))
        })?;
        if input.peek(Token![;]) {
            return Err(Error::new(
                signature.ident.span(),
                "a function without a body can't be measured; put `#[metered]` on the implementation",
            ));
        }
        let body: Group = input.parse()?;
        Ok(Self { attributes, visibility, default, signature, body })
    }
}

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let result = parse_options(options).and_then(|options| {
        if let Some(skip) = &options.skip {
            let text =
                "`skip` is for a method of an `impl` block that has `#[metrics]`; without it, remove the attribute";
            return Err(Error::new(skip.span(), text));
        }
        let mut function: Function = syn::parse2(item.clone())?;
        if let Some(constness) = &function.signature.constness {
            return Err(Error::new_spanned(
                constness,
                "a `const fn` can't be measured: it runs at compile time; remove `const` or `#[metered]`",
            ));
        }
        function.hoist_inner_attributes()?;
        Ok(function.expand(&options))
    });
    result.unwrap_or_else(|error| with_error(&error, item))
}

/// How the function comes to its value.
enum Shape<'a> {
    Sync,
    Async,
    /// It returns a future with these bounds: `-> impl Future<…>`.
    Future(&'a Bounded),
    /// It returns a boxed future: `-> Pin<Box<dyn Future<…>>>`.
    Boxed(&'a Bounded),
}

/// `Future<Output = …> + Send + …`
type Bounded = Punctuated<TypeParamBound, Token![+]>;

impl Function {
    /// `{ #![allow(…)] … }`: the body moves into a closure, so its attributes move to the function.
    fn hoist_inner_attributes(&mut self) -> Result<()> {
        let split = |input: ParseStream<'_>| Ok((input.call(Attribute::parse_inner)?, input.parse::<TokenStream>()?));
        let (inner, rest) = split.parse2(self.body.stream())?;
        self.attributes
            .extend(inner.into_iter().map(|attribute| Attribute { style: syn::AttrStyle::Outer, ..attribute }));
        let mut body = Group::new(self.body.delimiter(), rest);
        body.set_span(self.body.span());
        self.body = body;
        Ok(())
    }

    fn shape(&self) -> Shape<'_> {
        if self.signature.asyncness.is_some() {
            return Shape::Async;
        }
        match &self.signature.output {
            ReturnType::Type(_, returned) => match &**returned {
                Type::ImplTrait(returned) if future_of(&returned.bounds).is_some() => Shape::Future(&returned.bounds),
                Type::Path(path) => boxed_future(&path.path).map_or(Shape::Sync, Shape::Boxed),
                _ => Shape::Sync,
            },
            ReturnType::Default => Shape::Sync,
        }
    }

    /// Whether there is a `Self` whose service can be asked for.
    fn is_method(&self) -> bool {
        self.signature.receiver().is_some() || mentions_self(self.signature.to_token_stream())
    }

    fn expand(&self, options: &Options) -> TokenStream {
        let library = library(options.library.as_ref());
        let private = quote!(#library::__private);
        let action = self.action(options, &library);
        let service =
            if self.is_method() { quote!(#library::__service!(Self)) } else { quote!(::core::option::Option::None) };
        let outcome = quote!(#library::__outcome!());
        let body = &self.body;

        let measured = match self.shape() {
            Shape::Sync => {
                // Said, not inferred: which outcome a value tells depends on its type.
                let returned = self.returned().map(|returned| quote!(-> #returned));
                quote!(#private::sync(#action, #service, move || #returned #body, #outcome))
            }
            Shape::Async => {
                let hint = self.hint(&private);
                let statements = body.stream();
                quote!(#private::future(#action, #service, async move { #hint #statements }, #outcome).await)
            }
            Shape::Future(bounds) => {
                let output = output(bounds);
                quote!(#private::future::<#output, _, _>(#action, #service, #private::call_once(move || #body), #outcome))
            }
            Shape::Boxed(bounds) => {
                let output = output(bounds);
                self.boxed(&quote!(#private::future::<#output, _, _>), &private, &[action, service], &outcome)
            }
        };
        let Self { attributes, visibility, default, signature, .. } = self;
        quote! {
            #(#attributes)* #visibility #default #signature {
                #measured
            }
        }
    }

    /// `Box::pin(async move { … })` at the end of the body, as `#[async_trait]` writes it, takes
    /// the measured future into the same box; any other boxed future gets a box around it.
    fn boxed(
        &self,
        measure: &TokenStream,
        private: &TokenStream,
        of: &[TokenStream],
        outcome: &TokenStream,
    ) -> TokenStream {
        let body = &self.body;
        if let Ok(Block { mut stmts, .. }) = syn::parse2::<Block>(body.to_token_stream())
            && let Some(Stmt::Expr(Expr::Call(call), None)) = stmts.pop()
        {
            let pins = matches!(&*call.func, Expr::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "pin"));
            if let (true, 1, Some(future @ Expr::Async(_))) = (pins, call.args.len(), call.args.first()) {
                let pin = &call.func;
                return quote!(#(#stmts)* #pin(#measure(#(#of),*, #future, #outcome)));
            }
        }
        quote!(::std::boxed::Box::pin(#measure(#(#of),*, #private::call_once(move || #body), #outcome)))
    }

    /// The static that stands for this function, and a reference to it.
    fn action(&self, options: &Options, library: &TokenStream) -> TokenStream {
        let function = LitStr::new(&self.signature.ident.unraw().to_string(), self.signature.ident.span());
        let source = source(library);
        let name = call("name", options.name.as_ref());
        let prefix = call("prefix", options.prefix.as_ref());
        let event = call("event", options.event.as_ref());
        let service = call("service", options.service.as_ref());
        let method = self.is_method().then(|| quote!(.method()));
        let buckets = options.buckets.as_ref().map(|buckets| buckets.call(library)).unwrap_or_default();
        let keys =
            options.labels.as_ref().filter(|labels| !labels.is_empty()).map(|labels| quote!(.keys(&[#(#labels),*])));
        let private = quote!(#library::__private);
        quote! {{
            static ACTION: #private::Action =
                #private::Action::new(#function, #source) #name #prefix #event #service #method #buckets #keys;
            #library::__submit!(Action, ACTION);
            &ACTION
        }}
    }

    /// The type that the body returns, as far as it can be named in the body.
    fn returned(&self) -> Option<Type> {
        match &self.signature.output {
            ReturnType::Default => Some(Type::Verbatim(quote!(()))),
            ReturnType::Type(_, returned) if matches!(**returned, Type::ImplTrait(_)) => None,
            ReturnType::Type(_, returned) => {
                let mut returned = (**returned).clone();
                erase_impl(&mut returned);
                Some(returned)
            }
        }
    }

    /// Tells the compiler what an async body returns; it does not look outside for that.
    fn hint(&self, private: &TokenStream) -> Option<TokenStream> {
        let returned = self.returned().filter(|returned| !matches!(returned, Type::Never(_)))?;
        Some(quote! {
            if let ::core::option::Option::Some(value) = #private::hint::<#returned>() {
                return value;
            }
        })
    }
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        _ => false,
    })
}

/// The `Future` among the bounds.
fn future_of(bounds: &Bounded) -> Option<&syn::PathSegment> {
    bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().filter(|last| last.ident == "Future"),
        _ => None,
    })
}

/// What the future among the bounds comes to, as far as it can be named in the body.
fn output(bounds: &Bounded) -> Type {
    let named = future_of(bounds).and_then(|future| match &future.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => Some(output.ty.clone()),
            _ => None,
        }),
        _ => None,
    });
    let mut output = named.unwrap_or_else(|| Type::Verbatim(quote!(_)));
    erase_impl(&mut output);
    output
}

/// `Pin<Box<dyn Future<…>>>`, however it is qualified.
fn boxed_future(path: &Path) -> Option<&Bounded> {
    let Some(Type::Path(boxed)) = argument_of(path, "Pin") else { return None };
    match argument_of(&boxed.path, "Box") {
        Some(Type::TraitObject(object)) if future_of(&object.bounds).is_some() => Some(&object.bounds),
        _ => None,
    }
}

/// The first type argument of a path that ends in `name`.
fn argument_of<'a>(path: &'a Path, name: &str) -> Option<&'a Type> {
    let last = path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    })
}

/// `impl Trait` can't be named inside the body; `_` stands for it.
fn erase_impl(kind: &mut Type) {
    match kind {
        Type::ImplTrait(_) => *kind = Type::Verbatim(quote!(_)),
        Type::Reference(inner) => erase_impl(&mut inner.elem),
        Type::Paren(inner) => erase_impl(&mut inner.elem),
        Type::Group(inner) => erase_impl(&mut inner.elem),
        Type::Array(inner) => erase_impl(&mut inner.elem),
        Type::Slice(inner) => erase_impl(&mut inner.elem),
        Type::Tuple(tuple) => tuple.elems.iter_mut().for_each(erase_impl),
        Type::Path(path) => {
            for segment in &mut path.path.segments {
                if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                    for argument in &mut arguments.args {
                        if let GenericArgument::Type(argument) = argument {
                            erase_impl(argument);
                        }
                    }
                }
            }
        }
        _ => {}
    }
}
