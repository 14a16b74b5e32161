// Swagger UI on our OpenAPI document, with nothing from elsewhere.

const place = /** @type {HTMLElement} */ (document.getElementById('reader'));
const { SwaggerUIBundle } = /** @type {any} */ (window);

SwaggerUIBundle({
  domNode: place,
  url: place.dataset.document,
  validatorUrl: null, // its badge would send the document's address to another site
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
});
