import './zod-config';
import '../styles/tokens.css';
import '../styles/base.css';
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import { useProblemsStore } from '../stores/problems';
import App from './App.vue';
import { makeRouter } from './router';
import { subscribeAll } from './subscriptions';

const app = createApp(App);
app.use(createPinia());
app.use(makeRouter());

const problems = useProblemsStore();
app.config.errorHandler = (error) => problems.report(error);
window.addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  problems.report(event.reason);
});

const unsubscribe = subscribeAll();
window.addEventListener('pagehide', unsubscribe);
app.mount('#app');
