/** Screens are addresses. The chosen host, the selected object and the open form are in the query (`useAddress`). */
import { createRouter, createWebHashHistory, type Router } from 'vue-router';
import EventsView from '../views/EventsView.vue';
import LabsView from '../views/LabsView.vue';
import MachinesView from '../views/MachinesView.vue';
import MigrationView from '../views/MigrationView.vue';
import OverviewView from '../views/OverviewView.vue';
import QueuesView from '../views/QueuesView.vue';
import SettingsView from '../views/SettingsView.vue';
import SwitchView from '../views/SwitchView.vue';
import TopologyView from '../views/TopologyView.vue';
import { SCREENS } from './screens';

const VIEWS = {
  overview: OverviewView,
  topology: TopologyView,
  machines: MachinesView,
  queues: QueuesView,
  switch: SwitchView,
  migration: MigrationView,
  labs: LabsView,
  events: EventsView,
  settings: SettingsView,
} as const;

function isViewName(name: string): name is keyof typeof VIEWS {
  return name in VIEWS;
}

export function makeRouter(): Router {
  const routes = SCREENS.flatMap(({ name, path }) =>
    isViewName(name) ? [{ name, path, component: VIEWS[name] }] : [],
  );
  return createRouter({
    history: createWebHashHistory(),
    routes: [...routes, { path: '/:rest(.*)*', redirect: '/' }],
  });
}
